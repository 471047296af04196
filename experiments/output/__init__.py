"""The results folder: its paths, logs and captured output."""
