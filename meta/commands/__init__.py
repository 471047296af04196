"""The `experiments` command: one file per group of verbs, thin functions over the library."""

from meta.commands.group import main

__all__ = ["main"]
