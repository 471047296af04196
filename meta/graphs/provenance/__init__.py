"""Where a figure comes from: origin, fingerprint, metadata, manifest, file names."""
