"""Experiments that ship with the project: run by `configs/`, and examples of how to write one."""
