"""Detecting that an experiment has closed file descriptors that are not its own.

Code that turns into a daemon closes every descriptor, and the next files it opens get the numbers
of our journal and of the database. Writing on would put database pages into the user's files, and
even closing the database normally would: SQLite would assume that it is the last user, copy its
write-ahead log into whatever has the number now, and delete the log.
"""

from __future__ import annotations

import os
from pathlib import Path

import psutil
from sqlalchemy.engine import URL

from experiments.journal import JournalWriter
from experiments.processes.exit_status import LOST_DESCRIPTORS_EXIT_CODE


class OwnDescriptors:
    """The files that the descriptors of this worker refer to.

    Parameters
    ----------
    journal : JournalWriter
        The worker's journal.
    url : URL
        The database; of SQLite, its files are among the open ones.
    """

    def __init__(self, journal: JournalWriter, url: URL) -> None:
        self._journal = journal
        self._files: dict[int, tuple[int, int] | None] = {}
        if url.get_backend_name() == "sqlite" and url.database:
            database = str(Path(url.database).resolve())  # and its companions, -wal and -shm
            self._files = {
                file.fd: identity_of(file.fd)
                for file in psutil.Process().open_files()
                if file.path.startswith(database)
            }

    def check(self) -> None:
        """Exit at once if a descriptor is closed or refers to another file.

        Neither ``finally`` nor atexit may run: each would use the descriptors.
        """
        if identity_of(self._journal.descriptor) != self._journal.identity:
            os._exit(LOST_DESCRIPTORS_EXIT_CODE)
        for descriptor, identity in self._files.items():
            if identity_of(descriptor) != identity:
                os._exit(LOST_DESCRIPTORS_EXIT_CODE)


def identity_of(descriptor: int) -> tuple[int, int] | None:
    """Return device and inode of the file that a descriptor refers to; None when it is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
