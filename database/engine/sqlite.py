"""SQLite as this project uses it: WAL, reads that never wait, BEGIN IMMEDIATE before the first write.

The driver's own transactions are switched off. Reads run in autocommit, as READ COMMITTED does on
PostgreSQL. The first statement that writes, or the first savepoint, takes the write lock with
BEGIN IMMEDIATE: a deferred transaction that reads and then writes fails at once with
SQLITE_BUSY_SNAPSHOT whatever the busy timeout, and BEGIN IMMEDIATE at every begin would make a
bare read block all writers.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, Executable, TextClause, TextualSelect, event
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.functions import FunctionElement

from database import clock
from database.engine.call_site import caller_location
from database.engine.sqlite_file import OpenedFile, how_to_mend
from database.errors import DatabaseError, SessionMisuseError
from database.expressions import sqlite_functions

#: How long a writer waits for the write lock before it fails, in seconds.
BUSY_TIMEOUT_S = 30.0
#: How long SQLite itself waits each time: Python handles signals in between.
BUSY_STEP_S = 0.25
#: After so many instructions of SQLite's virtual machine (about 10 ms) Python handles signals. Each time
#: takes the interpreter lock, for which a busy thread lets others wait for up to 5 ms.
_INSTRUCTIONS = 1_000_000

_READS = re.compile(
    r"(?:\s|\(|--[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*+"
    r"(?:SELECT\b|PRAGMA\b|EXPLAIN\b|BEGIN\b|VACUUM\b|VALUES\b|RELEASE\b|ROLLBACK\b|SET\b|SHOW\b"
    r"|WITH\b(?!.*\b(?:INSERT|UPDATE|DELETE|REPLACE)\b))",
    re.IGNORECASE | re.DOTALL,
)
#: The holders of write locks: (database file, thread) -> the place that took the lock.
_writers: dict[tuple[str, int], str] = {}


def may_write(statement: Executable) -> bool:
    """Return whether a statement, of either database, may write."""
    if isinstance(statement, TextualSelect):  # text(...).columns(...)
        statement = statement.element
    if isinstance(statement, TextClause):
        return _READS.match(statement.text) is None
    return not (statement.is_select or isinstance(statement, FunctionElement))


def prepare(engine: Engine, durability: str) -> None:
    """Attach the behaviour of this module to `engine`."""
    synchronous = {"normal": "NORMAL", "full": "FULL"}[durability]
    _interrupt_statements(engine)

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        record.info["file"] = os.path.realpath(str(engine.url.database))  # it may have several names
        record.info["opened"] = OpenedFile(str(engine.url.database))
        connection.isolation_level = None  # the driver never begins
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        sqlite_functions.add_to(connection)
        handle_signals(connection, record.info)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("read_only"):
            connection.exec_driver_sql("PRAGMA query_only=ON")
            connection.exec_driver_sql("BEGIN")  # one snapshot from the first read on
        elif options.get("write_lock"):
            begin_immediate(connection)

    @event.listens_for(engine, "before_cursor_execute")
    def before_cursor_execute(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not _READS.match(statement):
            hold_write_lock(connection)

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> DatabaseError | None:
        error = context.original_exception
        if not isinstance(error, UnicodeDecodeError):
            return None
        file = Path(str(engine.url.database))  # SQLite's message quotes bytes that are no text
        return DatabaseError(f"{file} is damaged ({error}); {how_to_mend(file)}")

    @event.listens_for(engine, "savepoint")
    def savepoint(connection: Connection, _name: str) -> None:
        hold_write_lock(connection)

    @event.listens_for(engine, "commit")
    def commit(connection: Connection) -> None:
        if "writer" in connection.info:
            _file(connection).check()

    def end(connection: Connection) -> None:
        if connection.invalidated:  # its transaction ended with it
            return
        writer = connection.info.pop("writer", None)
        if writer is not None:
            _writers.pop(writer, None)
        # After a fork the connection is the parent's, and invalid here.
        if connection.get_execution_options().get("read_only") and connection.connection.is_valid:
            _driver(connection).execute("PRAGMA query_only=OFF")

    event.listen(engine, "commit", end)
    event.listen(engine, "rollback", end)

    @event.listens_for(engine, "checkin")
    def checkin(connection: sqlite3.Connection | None, record: Any) -> None:
        if connection is not None and record.info.pop("refusing_writes", False):
            connection.execute("PRAGMA query_only=OFF")

    @event.listens_for(engine, "close")
    def close(_connection: sqlite3.Connection, record: Any) -> None:
        writer = record.info.pop("writer", None)  # a connection that was invalidated in mid-transaction
        if writer is not None:
            _writers.pop(writer, None)


def _interrupt_statements(engine: Engine) -> None:
    """Let Python handle signals during long statements and waits on `engine`; see `_Interrupting`."""

    @event.listens_for(engine, "do_execute")
    def do_execute(cursor: sqlite3.Cursor, statement: str, parameters: Any, _context: Any) -> bool:
        _execute(cursor, statement, parameters)
        return True

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> BaseException | None:
        if getattr(context.original_exception, "sqlite_errorname", "") != "SQLITE_INTERRUPT":
            return None
        assert context.connection is not None
        raised: BaseException | None = context.connection.info["interrupting"].take()
        if raised is not None:
            # SQLite has rolled back all of the transaction if the statement was to write: nothing more may be
            # done with it, as after an exception of this kind anywhere else.
            context.is_disconnect, context.invalidate_pool_on_disconnect = True, False
        return raised

    @event.listens_for(engine, "invalidate")
    def invalidate(connection: sqlite3.Connection | None, *_: Any) -> None:
        # As long as a statement is referred to, as by a traceback, closing would not give back the lock.
        with suppress(sqlite3.Error):
            if connection is not None:
                connection.rollback()


class _Interrupting:
    """Lets Python handle signals while a statement runs; what a handler raises interrupts the statement.

    A signal is handled when the main thread executes Python code, so not before a long statement ends. The
    progress handler of a connection is such code. SQLite swallows what it raises, and the exception of a
    signal is raised at its first instruction: that of a generator that goes on lies inside its ``try``.
    """

    def __init__(self) -> None:
        self._raised: BaseException | None = None
        generator = self._handle_signals()
        next(generator)
        #: The progress handler: its result interrupts the statement unless it is 0.
        self.progress = generator.__next__

    def _handle_signals(self) -> Iterator[int]:
        result = 0
        while True:
            try:
                yield result
                result = 0
            except BaseException as error:
                if isinstance(error, GeneratorExit):
                    raise
                self._raised, result = error, 1

    def take(self) -> BaseException | None:
        """Return what a signal's handler raised during the last statement, if anything."""
        raised, self._raised = self._raised, None
        return raised


def handle_signals(connection: sqlite3.Connection, info: dict[Any, Any]) -> None:
    """Let Python handle signals while statements of a connection run; `info` is that of its pool's entry."""
    info["interrupting"] = interrupting = _Interrupting()
    connection.set_progress_handler(interrupting.progress, _INSTRUCTIONS)


def _execute(cursor: sqlite3.Cursor, statement: str, parameters: Any) -> None:
    """Execute a statement, waiting for locks of other processes in steps, so that signals are handled."""
    give_up: float | None = None
    while True:
        try:
            cursor.execute(statement, parameters)
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorname.startswith("SQLITE_BUSY")
            if not is_busy or error.sqlite_errorname == "SQLITE_BUSY_SNAPSHOT":  # waiting does not help
                raise
            now = clock.monotonic()
            give_up = give_up or now + BUSY_TIMEOUT_S
            if now > give_up:
                raise
            clock.sleep(0.01)  # where SQLite does not wait at all, as for the switch to WAL
        else:
            return


def begin_immediate(connection: Connection) -> None:
    """Take the write lock now, waiting for other processes but never for this thread itself.

    Raises
    ------
    SessionMisuseError
        This thread holds the lock through another session; both places are named.
    DatabaseReplacedError
        The file was deleted or replaced: what would be written would be lost.
    """
    writer = (str(connection.info["file"]), threading.get_ident())
    holder = _writers.get(writer)
    if holder is not None:
        raise SessionMisuseError(
            f"{caller_location()} writes through a second session while this thread's first one holds "
            f"SQLite's write lock since {holder}; it would deadlock. Commit the first one "
            "before, or use one session for both"
        )
    _file(connection).check()
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    _file(connection).note_wal()
    _writers[writer] = caller_location()
    connection.info["writer"] = writer


def hold_write_lock(connection: Connection) -> None:
    """Take the write lock unless this transaction has it; nothing it reads changes until it ends."""
    if not _driver(connection).in_transaction:
        begin_immediate(connection)


@contextmanager
def refusing_writes(connection: Connection) -> Iterator[None]:
    """Refuse writes within the block; it reads a snapshot if the transaction has written nothing yet."""
    driver = _driver(connection)
    idle = not driver.in_transaction
    if idle:
        driver.execute("BEGIN")  # so that a savepoint inside need not take the write lock
    driver.execute("PRAGMA query_only=ON")
    connection.info["refusing_writes"] = True
    try:
        yield
    finally:
        # Otherwise it was returned to the pool, which allows writes again, or is the parent's.
        if not (connection.closed or connection.invalidated) and connection.connection.is_valid:
            driver.execute("PRAGMA query_only=OFF")
            connection.info.pop("refusing_writes", None)
            if idle and driver.in_transaction:
                driver.execute("ROLLBACK")


def forget_writers() -> None:
    """In a forked child: clear the holders of write locks, which are the parent's."""
    _writers.clear()


def _file(connection: Connection) -> OpenedFile:
    file = connection.info["opened"]
    assert isinstance(file, OpenedFile)
    return file


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def switch_to_wal(engine: Engine) -> None:
    """Switch the file to WAL for good: readers and the writer no longer wait for each other."""
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # fails at once while another process writes
