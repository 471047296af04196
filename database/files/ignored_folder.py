"""Folders made by this program, which git is to ignore."""

from __future__ import annotations

import contextlib
from pathlib import Path

#: The name of the folder of databases and results, unless the user names another one.
RESULTS_NAME = "results"
_IGNORE_ALL = "# Written by `experiments` when it made this folder: none of it is for version control.\n*\n"


def make_ignored_folder(path: Path) -> None:
    """Make a folder with a ``.gitignore`` for all that is in it, unless the folder exists.

    An existing one is left as it is: it may be a user's, with files of their own.

    Raises
    ------
    OSError
        It cannot be made. That the ``.gitignore`` cannot be written is no error.
    """
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    with contextlib.suppress(OSError), (path / ".gitignore").open("x", encoding="utf-8") as file:
        file.write(_IGNORE_ALL)
