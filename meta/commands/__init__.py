"""The `experiments` command: one file per group of commands, thin functions over the library.

At its head a module imports click, the options and types; each function imports the library that it calls, so
that ``--help`` and every command load only what they need.
"""

from meta.commands.group import main

__all__ = ["main"]
