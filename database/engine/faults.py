"""Classification of database errors: transient, waiting for disk space, or permanent.

The errors of the drivers are read here and nowhere else: extended result codes of SQLite, SQLSTATEs of
PostgreSQL. While a connection is being made libpq gives no SQLSTATE, only a sentence.
"""

from __future__ import annotations

import re
import sqlite3
from enum import Enum

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError

from database.errors import DatabaseUnreachableError
from database.models.experiment import ONE_RESULT


class Fault(Enum):
    """What happens when the same transaction is run again."""

    PASSES = "passes"  #: a lock, a deadlock, a lost connection, a server that restarts
    NEEDS_ROOM = "needs room"  #: the disk is full; a user has to free space
    STAYS = "stays"  #: a damaged file, a wrong password, a violated constraint


#: Serialization, deadlock, lock timeout, statement timeout.
_CONTENTION_SQLSTATES = frozenset({"40001", "40P01", "55P03", "57014"})
#: Shutdown and start; idle timeouts; a COMMIT of unknown fate; a standby that is to take over; too little
#: memory and too many connections.
_PASSING_SQLSTATES = _CONTENTION_SQLSTATES | {
    *("57P01", "57P02", "57P03", "57P05", "25P03", "40003", "53000", "53200", "53300"),
}
#: A refused write: on a standby that is to take over, or in a read-only transaction.
_READ_ONLY = "25006"
_CONNECTION_CLASS, _DISK_FULL = "08", "53100"
#: The content of a row is refused: its types and sizes, the constraints of the tables, a trigger's RAISE
#: EXCEPTION, and limits such as the depth of JSON.
_CONTENT_CLASSES, _RAISED = ("22", "23", "54"), "P0001"
#: Among these, rows that exist already or refer to missing ones: then the protocol is broken.
_CONTRADICTIONS = frozenset(
    {
        *("23503", "23505", "23P01"),
        *("SQLITE_CONSTRAINT_FOREIGNKEY", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"),
        "SQLITE_CONSTRAINT_ROWID",
    }
)
#: Of a text with damaged bytes, which SQLite returns as it is.
_NO_TEXT = "Could not decode to UTF-8"
_PASSING_SQLITE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")
#: A quota and `ulimit -f` are reported as failed writes; the last one is the index of the WAL file.
_FULL_SQLITE = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE")
_LONGEST_WORDS = 300  # a message may quote all of a text
#: Messages of libpq and the server for a URL that must be changed; another try would fail too.
_REFUSED = re.compile(
    r'authentication failed|no password supplied|pg_hba\.conf|(?:role|user|database) ".*" does not exist'
    r"|is not permitted to log in|permission denied for database|SSL was required|certificate verify failed"
    r"|(?:root )?certificate file .* does not exist|invalid connection option|unsupported frontend protocol"
    r"|unsupported startup parameter"
)


def fault_of(error: BaseException, *, reading: bool = False) -> Fault:
    """Classify an error of SQLAlchemy or of ours; a transaction for `reading` refuses writes each time."""
    if isinstance(error, DatabaseUnreachableError):
        return Fault.PASSES
    if not isinstance(error, DBAPIError):
        return Fault.STAYS
    if error.connection_invalidated:
        return Fault.PASSES
    sqlstate = getattr(error.orig, "pgcode", None)
    if sqlstate:
        return Fault.STAYS if reading and sqlstate == _READ_ONLY else _of_sqlstate(sqlstate)
    sqlite_name = sqlite_code(error)
    if sqlite_name:
        return _of_sqlite(sqlite_name)
    # psycopg2 gives no SQLSTATE when the connection itself broke, or could not be made.
    lost = isinstance(error, OperationalError | InterfaceError) and not is_refused(error)
    return Fault.PASSES if lost else Fault.STAYS


def is_transient(error: BaseException) -> bool:
    """Return whether the same transaction may succeed when it is run again, with nothing changed."""
    return fault_of(error) is Fault.PASSES


def is_refused(error: DBAPIError) -> bool:
    """Return whether a PostgreSQL server refused the connection because of the URL."""
    return not getattr(error.orig, "pgcode", None) and _REFUSED.search(str(error.orig)) is not None


def refuses_content(error: DBAPIError) -> bool:
    """Return whether the database refuses the content of a row for good, and would accept another row."""
    sqlstate = getattr(error.orig, "pgcode", None)
    if sqlstate:
        of_content = sqlstate.startswith(_CONTENT_CLASSES) or sqlstate == _RAISED
        return of_content and sqlstate not in _CONTRADICTIONS
    return isinstance(error, IntegrityError | DataError) and sqlite_code(error) not in _CONTRADICTIONS


def repeats_a_result(error: DBAPIError) -> bool:
    """Return whether a second completed attempt of an experiment was refused: each has one result."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return bool(diagnosis.constraint_name == ONE_RESULT)
    message = sqlite_code(error) == "SQLITE_CONSTRAINT_UNIQUE" and str(error.orig)
    return message == "UNIQUE constraint failed: attempt.experiment_id"


def own_words(error: Exception) -> str:
    """Return the driver's message in one line, without the statement."""
    original = error.orig if isinstance(error, DBAPIError) else None
    lines = str(original or error).strip().splitlines()
    return lines[0][:_LONGEST_WORDS] if lines else type(error).__name__


def is_contention(error: DBAPIError) -> bool:
    """Return whether the database answers but others block it: a lock, a deadlock, a timeout."""
    is_blocked = sqlite_code(error).startswith(_PASSING_SQLITE)
    return is_blocked or getattr(error.orig, "pgcode", None) in _CONTENTION_SQLSTATES


def sqlite_code(error: DBAPIError) -> str:
    """Return SQLite's extended result code by name; empty for other databases."""
    if not isinstance(error.orig, sqlite3.Error):
        return ""
    name: str | None = getattr(error.orig, "sqlite_errorname", None)
    if name is None:  # an error of Python's module
        name = "SQLITE_CORRUPT" if _NO_TEXT in str(error.orig) else "SQLITE_ERROR"
    return name


def _of_sqlstate(sqlstate: str) -> Fault:
    if sqlstate == _DISK_FULL:
        return Fault.NEEDS_ROOM
    if sqlstate in _PASSING_SQLSTATES or sqlstate == _READ_ONLY or sqlstate.startswith(_CONNECTION_CLASS):
        return Fault.PASSES
    return Fault.STAYS


def _of_sqlite(name: str) -> Fault:
    if name.startswith(_PASSING_SQLITE):
        return Fault.PASSES
    return Fault.NEEDS_ROOM if name.startswith(_FULL_SQLITE) else Fault.STAYS
