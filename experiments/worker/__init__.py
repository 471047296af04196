"""The worker process: its start, its loop, and when it is replaced by a fresh one."""
