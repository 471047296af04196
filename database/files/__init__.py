"""Files and folders: what lies at a path, on which file system, and folders that git ignores."""
