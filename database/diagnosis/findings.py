"""The findings of a diagnosis; None where they do not apply to the kind of database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PoolState:
    """The connections of one engine.

    Attributes
    ----------
    size, overflow : int
        How many connections are kept, and how many more are opened while all of these are in use.
    timeout_s, recycle_s : float
        How long a session waits for a connection, and the age at which a connection is replaced.
    idle, in_use : int
        How many are open now.
    """

    size: int
    overflow: int
    timeout_s: float
    recycle_s: float
    idle: int
    in_use: int


@dataclass(frozen=True)
class Clients:
    """The number of connections of a program to the database's server, in one state."""

    application: str
    state: str
    count: int


@dataclass(frozen=True)
class LockWait:
    """A statement that waits for a lock, and the server processes that hold it."""

    pid: int
    application: str
    seconds: float
    blocked_by: Sequence[int]
    statement: str


@dataclass(frozen=True)
class OpenTransaction:
    """An open transaction, how long it has been open, and its latest statement."""

    pid: int
    application: str
    state: str
    seconds: float
    statement: str


#: The beginning of `Findings.integrity` when the file was not checked.
NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Findings:
    """What is read from a database, depending on its kind.

    Attributes
    ----------
    server : str
        The program and its version.
    size_bytes : int
        Its size on disk; on SQLite without the WAL file.
    settings : mapping
        The settings of a connection of this process, read from the database.
    wal_bytes : int or None
        SQLite: the size of the WAL file.
    write_lock : str or None
        SQLite: ``free``, ``held`` (a process was writing) or ``read only``.
    network_file_system : str or None
        SQLite: the kind of network file system that the file lies on; None on a local disk.
    known_bugs : tuple of str
        The known bugs of this version that can affect us.
    clients : tuple or None
        PostgreSQL: the programs connected to this database, this diagnosis included.
    lock_waits : tuple or None
        PostgreSQL: the statements that wait for locks.
    oldest_transaction : OpenTransaction or None
        PostgreSQL: the one that has been open longest, without this diagnosis.
    sees_others : bool or None
        PostgreSQL: whether this role may see the activity of other users' connections.
    integrity : str or None
        SQLite: ``ok``, what is damaged, or why it was not checked.
    """

    server: str
    size_bytes: int
    settings: Mapping[str, str]
    wal_bytes: int | None = None
    write_lock: str | None = None
    network_file_system: str | None = None
    known_bugs: tuple[str, ...] = ()
    clients: tuple[Clients, ...] | None = None
    lock_waits: tuple[LockWait, ...] | None = None
    oldest_transaction: OpenTransaction | None = None
    sees_others: bool | None = None
    integrity: str | None = None

    @property
    def is_damaged(self) -> bool:
        """Whether a page of an SQLite file is damaged."""
        return not (self.integrity or "ok").startswith(("ok", NOT_CHECKED))


@dataclass(frozen=True)
class Diagnosis:
    """The diagnosis of a database, as seen from this process.

    Attributes
    ----------
    database : str
        Its URL without passwords.
    revision : str or None
        That of its tables; None without tables of this program.
    known_revision : str
        That of this program.
    found : Findings
    pool : PoolState
        This process's connections to it.
    environment : mapping
        The EXPERIMENTS_* settings of this process, defaults included.
    clock_difference_s : float
        The database's clock minus this computer's, in seconds.
    clock_uncertainty_s : float
        How much of it may be the round-trip time, in seconds.
    advice : tuple of str
        One sentence for each problem; empty when there is none.
    """

    database: str
    revision: str | None
    known_revision: str
    found: Findings
    pool: PoolState
    environment: Mapping[str, str]
    clock_difference_s: float
    clock_uncertainty_s: float
    advice: tuple[str, ...] = ()
