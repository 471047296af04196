"""The worker process: its start, its loop, and when it makes way for a fresh one."""
