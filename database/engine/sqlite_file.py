"""The file of an SQLite database: its file system, its permissions, and whether it was replaced.

SQLite in WAL mode does not notice that its file was deleted or replaced: what it writes "succeeds"
and is lost. So each writing transaction compares the file of that name with the one that was opened,
when it begins and just before it commits (some microseconds each).
"""

from __future__ import annotations

import logging
import os
import pwd
import shlex
import stat
from pathlib import Path

from sqlalchemy import Engine

from database.errors import HOW_TO_MAKE_ONE, DatabaseError, DatabaseMissingError, DatabaseReplacedError
from database.files import file_systems
from database.files.ignored_folder import RESULTS_NAME, make_ignored_folder
from database.files.paths import what_is_no_file

logger = logging.getLogger(__name__)

#: A larger WAL file means that some process keeps an old read open.
MAX_WAL_BYTES = 64 * 2**20
#: How long the end of a run waits for other processes before it skips the checkpoint, in milliseconds.
_FOLD_WAIT_MS = 2_000
_ADVICE_REPLACED = (
    "nothing more is written. Put the file back (with the files of the same name ending in -wal and -shm, if "
    "they were moved too) and run the same command again: finished but unrecorded experiments are in the "
    "journals of the run"
)


def how_to_mend(file: Path) -> str:
    """Return what to do about a damaged file."""
    return (
        "stop all programs that use it, copy it away, and restore a backup, or recover what is readable: "
        f"sqlite3 {shlex.quote(str(file))} .recover | sqlite3 new.db"
    )


class OpenedFile:
    """The file that a connection has open, as distinct from another file of the same name.

    Parameters
    ----------
    path : str
        The name it was opened by.
    """

    __slots__ = ("_identity", "_path", "_wal_identity", "_wal_path")

    def __init__(self, path: str) -> None:
        self._path, self._wal_path = path, f"{path}-wal"
        self._identity = _identity(path)
        self._wal_identity: tuple[int, int] | None = None

    def check(self) -> None:
        """Check that the path still names this file.

        Raises
        ------
        DatabaseReplacedError
            The file, or its WAL file, was deleted or replaced.
        """
        if _identity(self._path) != self._identity:
            raise DatabaseReplacedError(
                f"the database file {self._path} was {_fate(self._path)} while it was in use; "
                f"{_ADVICE_REPLACED}"
            )
        if self._wal_identity is not None and _identity(self._wal_path) != self._wal_identity:
            raise DatabaseReplacedError(
                f"{self._wal_path}, a part of the database, was {_fate(self._wal_path)} while it was in use; "
                f"{_ADVICE_REPLACED}"
            )

    def note_wal(self) -> None:
        """Store the identity of the WAL file, which SQLite creates with the first transaction."""
        if self._wal_identity is None:
            self._wal_identity = _identity(self._wal_path)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path costs more than the call, and this is in the hot path
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _fate(path: str) -> str:
    return "replaced by another file" if Path(path).exists() else "deleted or moved away"


def _project_above(file: Path) -> Path | None:
    """Return the nearest folder above that of a missing file which has a database at the same place."""
    if file.parent.name != RESULTS_NAME:
        return None
    inside = Path(RESULTS_NAME, file.name)
    return next((folder for folder in file.parent.parent.parents if (folder / inside).is_file()), None)


def find_folder(file: Path, *, create: bool) -> None:
    """Create the folder of a database file, or check that the file exists.

    Raises
    ------
    DatabaseMissingError
        `create` is False and there is no such file.
    DatabaseError
        The folder cannot be made, or the file is a folder, a pipe or a device.
    """
    if reason := _why_no_file(file):
        raise DatabaseError(f"{file} cannot be opened: {reason}")
    if not os.path.exists(file):  # noqa: PTH110 - a Path raises where the name is too long
        above = _project_above(file)
        if not create:
            what_to_do = f"there is one in {above}: run the command there" if above else HOW_TO_MAKE_ONE
            raise DatabaseMissingError(f"there is no database at {file}; {what_to_do}")
        if above:
            logger.warning("a new database is made at %s, which knows nothing of the one in %s", file, above)
    if not create:
        return
    try:
        if file.parent.name == RESULTS_NAME:
            make_ignored_folder(file.parent)
        else:  # it may be, or become, a project of the user's
            file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"the folder of {file} cannot be made ({error.strerror}); name another place"
        ) from error


def check_usable(file: Path, *, on_network: bool, writing: bool) -> None:
    """Check that SQLite would not damage a file, and that a runner could record in it.

    Parameters
    ----------
    on_network : bool
        Whether it may lie on a network file system.
    writing : bool
        Whether this process must be able to write it, if it exists.

    Raises
    ------
    DatabaseError
        The message names the alternatives and the setting that allows a network file system, or the reason
        why the file cannot be written and what to do.
    """
    kind = None if on_network else file_systems.network_kind(file)
    if kind is not None:
        raise DatabaseError(
            f"{file} lies on a network file system ({kind}), where SQLite damages data without an error; "
            "name a file on a local disk, or use PostgreSQL (--database postgresql://...). "
            "EXPERIMENTS_ALLOW_NETWORK_FILE_SYSTEM=1 allows it, at your own risk"
        )
    reason = why_not_writable(file) if writing else None
    if reason is not None:
        raise DatabaseError(f"the database {file} cannot be written: {reason}")


def why_not_writable(file: Path) -> str | None:
    """Return why this process cannot write a database file; None when it can."""
    # The owner of the WAL file and its index is the user who opened the database first.
    for part in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
        if part.exists() and not _may(part, os.R_OK | os.W_OK):
            return f"{_refusal(part)}; ask its owner, or name another database"
    if file.parent.is_dir() and not _may(file.parent, os.W_OK | os.X_OK):
        return f"no file can be made beside it, {_refusal(file.parent)}; ask its owner, or name another place"
    return None


def why_not_opened(file: Path) -> str:
    """Return why SQLite cannot open its file, which its own error leaves out, and what to do."""
    if reason := _why_no_file(file):
        return reason
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}; make it, or name another place"
    reason = why_not_writable(file)
    if reason is not None:
        return reason
    return "check where its links lead, its disk, and the limit of open files (ulimit -n)"


def _why_no_file(file: Path) -> str | None:
    kind = what_is_no_file(file)
    inside = f"a file in it, such as {file / 'experiments.db'}" if file.is_dir() else "another file"
    return kind and f"it is {kind}; name {inside}"


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _refusal(path: Path) -> str:
    status = path.stat()
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return f"the file system of {path} is mounted read-only"
    owner, mode = _user(status.st_uid), stat.filemode(status.st_mode)
    return f"{path} belongs to {owner} ({mode}), this program runs as {_user(os.geteuid())}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def wal_bytes(file: Path) -> int:
    """Return the size of a database's WAL file in bytes; 0 when there is none."""
    try:
        return Path(f"{file}-wal").stat().st_size
    except OSError:
        return 0


class WalMonitor:
    """Warns when a database's WAL file has grown too large, and again each time it has doubled."""

    def __init__(self) -> None:
        self._limit = MAX_WAL_BYTES

    def check(self, engine: Engine) -> None:
        """Check once; does nothing on PostgreSQL."""
        if engine.dialect.name != "sqlite":
            return
        size = wal_bytes(Path(str(engine.url.database)))
        if size > self._limit:
            logger.warning(
                "the WAL file of %s has %d MiB: a process keeps an old read open, which prevents its "
                "checkpoint; end that process (`experiments doctor` shows more)",
                engine.url.database,
                size // 2**20,
            )
            self._limit = 2 * size


def fold_wal(engine: Engine) -> bool:
    """Write what was committed from the WAL file into the database file (a checkpoint), and to the disk.

    At the end of a run: what was recorded is then safe from a power cut, also where
    EXPERIMENTS_DURABILITY is ``normal``.

    Returns
    -------
    bool
        False when other processes use it: the last of them does it then. True on PostgreSQL.
    """
    if engine.dialect.name != "sqlite":
        return True
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        (waiting_ms,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout={_FOLD_WAIT_MS}")
        try:
            busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout={waiting_ms}")
    finally:
        connection.close()
    return not busy
