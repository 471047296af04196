"""Findings about an SQLite file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from database import clock
from database.diagnosis.findings import NOT_CHECKED, Findings
from database.engine import sqlite
from database.engine.sqlite_file import wal_bytes
from database.files.file_systems import network_kind

_PRAGMAS = (
    "journal_mode",
    "synchronous",
    "foreign_keys",
    "busy_timeout",
    "wal_autocheckpoint",
    "query_only",
    "page_size",
    "cache_size",
    "encoding",
)
_WAL_RESET = (
    "WAL reset: two checkpoints at the same moment can, very rarely, damage the file; fixed in 3.51.3 "
    "(and by some distributors in older versions)"
)
_WAL_RESET_SINCE, _WAL_RESET_FIXED = (3, 7, 0), (3, 51, 3)
_SYNCHRONOUS = {"0": "off", "1": "normal", "2": "full", "3": "extra"}
#: The clock of this database's time stamps, in seconds since 1970.
CLOCK = "SELECT (julianday('now') - 2440587.5) * 86400.0"
CLOCK_RESOLUTION_S = 0.001
#: The time limit of the check for damaged pages, in seconds.
CHECK_S = 5.0
_WAIT_S = 2.0


def examine(connection: Connection) -> Findings:
    """Read the pragmas, the sizes, and whether a process holds the write lock."""
    settings = {name: _pragma(connection, name) for name in _PRAGMAS}
    size_bytes = int(_pragma(connection, "page_count")) * int(settings["page_size"])
    settings["synchronous"] = _SYNCHRONOUS[settings["synchronous"]]
    settings["busy_timeout"] = f"{sqlite.BUSY_TIMEOUT_S * 1000:.0f} ms"  # in steps of the pragma's
    return Findings(
        server=f"SQLite {sqlite3.sqlite_version}",
        size_bytes=size_bytes,
        settings=settings,
        wal_bytes=wal_bytes(Path(str(connection.engine.url.database))),
        write_lock=_write_lock(connection),
        network_file_system=network_kind(Path(str(connection.engine.url.database))),
        known_bugs=known_bugs(sqlite3.sqlite_version_info),
        integrity=_integrity(connection),
    )


def known_bugs(version: tuple[int, int, int]) -> tuple[str, ...]:
    """Return the known bugs of a version of SQLite that can affect us."""
    if _WAL_RESET_SINCE <= version < _WAL_RESET_FIXED:
        return (_WAL_RESET,)
    return ()


def touch(engine: Engine) -> None:
    """Fail quickly on a file that another program has locked exclusively: a diagnosis must not wait."""
    impatient = create_engine(engine.url, poolclass=NullPool, connect_args={"timeout": _WAIT_S})
    with impatient.connect() as connection:
        _pragma(connection, "schema_version")


def _integrity(connection: Connection) -> str:
    """Check each page, within `CHECK_S`."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    give_up = clock.monotonic() + CHECK_S
    driver.set_progress_handler(lambda: clock.monotonic() > give_up, 10_000)
    try:
        return str(driver.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname == "SQLITE_INTERRUPT":
            if clock.monotonic() <= give_up:  # the handler of a signal has raised within the progress handler
                raise KeyboardInterrupt from error
            return f"{NOT_CHECKED}: it takes longer than {CHECK_S:g} s"
        return str(error)
    finally:
        sqlite.handle_signals(driver, connection.info)


def _pragma(connection: Connection, name: str) -> str:
    return str(connection.exec_driver_sql(f"PRAGMA {name}").scalar())


def _write_lock(connection: Connection) -> str:
    """Take the write lock without waiting and release it at once: there is no other way to see its state."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    waiting_ms, version = (_pragma(connection, name) for name in ("busy_timeout", "user_version"))
    driver.execute("PRAGMA busy_timeout=0")
    try:
        driver.execute("BEGIN IMMEDIATE")
        # On a read-only file BEGIN IMMEDIATE succeeds; only a write fails.
        driver.execute(f"PRAGMA user_version={version}")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            return "held"
        if error.sqlite_errorname.startswith("SQLITE_READONLY"):
            return "read only"
        raise
    finally:
        driver.rollback()
        driver.execute(f"PRAGMA busy_timeout={waiting_ms}")
    return "free"
