"""The progress of a run: polled, estimated, and displayed live, as plain lines or as JSON."""
