"""Calling the target once: in this process, with its metrics, to its outcome."""
