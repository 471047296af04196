"""Noticing that an experiment has closed file descriptors that are not its own.

Code that makes itself a daemon closes every descriptor, and the next files it opens get the numbers
of our journal and of the database. Writing on would put database pages into the user's files, and
even closing the database in order would: SQLite would think that it is the last user, copy its
write-ahead log into whatever has the number now, and delete the log.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy.engine import URL

from experiments.journal import JournalWriter

#: What a worker exits with, at once and without any clean-up.
LOST_DESCRIPTORS_EXIT_CODE = 76


class OwnDescriptors:
    """Remembers which files the descriptors of this worker stand for.

    Parameters
    ----------
    journal : JournalWriter
        The worker's journal.
    url : URL
        The database; the files of an SQLite database are looked for among the open ones.
    """

    def __init__(self, journal: JournalWriter, url: URL) -> None:
        self._journal = journal
        self._files: dict[int, tuple[int, int] | None] = {}
        if url.get_backend_name() == "sqlite" and url.database:
            self._files = _open_below(str(Path(url.database).resolve()))

    def check(self) -> None:
        """End this process at once if a descriptor is closed or stands for another file.

        Neither ``finally`` nor atexit may run: each would use the descriptors.
        """
        if _identity(self._journal.descriptor) != self._journal.identity:
            os._exit(LOST_DESCRIPTORS_EXIT_CODE)
        for descriptor, identity in self._files.items():
            if _identity(descriptor) != identity:
                os._exit(LOST_DESCRIPTORS_EXIT_CODE)


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _open_below(database: str) -> dict[int, tuple[int, int] | None]:
    """Return the open descriptors of the database and its companions (``-wal``, ``-shm``)."""
    found = {}
    try:
        entries = list(Path("/proc/self/fd").iterdir())
    except OSError:
        return {}
    for entry in entries:
        try:
            if str(entry.readlink()).startswith(database):
                found[int(entry.name)] = _identity(int(entry.name))
        except OSError:
            continue  # the listing's own descriptor
    return found
