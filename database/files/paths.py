"""Paths that users name: what lies there, whether they can be recorded, and where relative ones begin."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

from database.errors import ExperimentsError

#: The surrogates by which Python represents bytes of a path that it could not decode.
_UNDECODED = re.compile("[\udc80-\udcff]")
_LONGEST_SHOWN = 1000
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class CurrentFolderError(ExperimentsError, FileNotFoundError):
    """The current folder was deleted."""


def what_is_no_file(path: Path) -> str | None:
    """Return what lies at `path` that is no regular file; None for a file, and where nothing can be found.

    To open it would wait for a writer (a pipe), never end (a device) or fail without saying why.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # opening it says why; ValueError: a NUL in the path
        return None
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)


def path_problem(path: Path) -> str | None:
    """Return why `path` cannot be recorded, or None when it can: databases and JSON keep UTF-8 only."""
    problem = undecoded_problem(str(path))
    return problem and f"has a path that cannot be recorded: {problem}"


def undecoded_problem(text: str) -> str | None:
    """Return a sentence about a path that Python could not decode, and what to do; None for another text."""
    if not _UNDECODED.search(text):
        return None
    text = text[:_LONGEST_SHOWN]
    try:
        shown = os.fsencode(text).decode("utf-8")
    except UnicodeError:
        return f"{text!a} is not UTF-8; write it in UTF-8, or rename the folder or file of this name"
    return (
        f"{shown} cannot be read, because the encoding of this program's locale is "
        f"{sys.getfilesystemencoding()}; set LC_ALL=C.UTF-8, and no PYTHONUTF8=0"
    )


def current_folder() -> Path:
    """Return the current folder.

    Raises
    ------
    CurrentFolderError
        It was deleted; the message names it.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise CurrentFolderError(
            f"the current folder{_deleted_folder()} was deleted; change to one that exists (cd)"
        ) from None


def _deleted_folder() -> str:
    """Return the name that the current folder had; empty where the system does not tell."""
    try:
        return f" {str(Path('/proc/self/cwd').readlink()).removesuffix(' (deleted)')}"
    except OSError:
        return ""
