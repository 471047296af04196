"""One engine per process and database, with the settings of SQLite and PostgreSQL."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from database.engine import (
    failed_statements,
    faults,
    fork_safety,
    schema,
    slow_queries,
    sqlite,
    sqlite_file,
    taken_names,
)
from database.engine.pool import ExplainingPool
from database.engine.wrong_use import keep_in_its_process
from database.errors import DatabaseError, DatabaseUnreachableError
from database.settings import Settings, normalise_url, safe_url

#: The locks of a client that vanished are released within 30 s. Only for runners and workers: a user's
#: script may compute for a minute inside its transaction.
PROTOCOL_OPTIONS = (
    "-c idle_in_transaction_session_timeout=30s -c lock_timeout=15s -c statement_timeout=60s "
    "-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
)


@dataclass(frozen=True)
class _Configured:
    url: URL
    create: bool
    protocol: bool
    program: str | None

    @cached_property
    def key(self) -> tuple[str, bool, str | None]:
        """That of its engine: a URL is written out whenever it is hashed."""
        return self.url.render_as_string(hide_password=False), self.protocol, self.program


_engines: dict[tuple[str, bool, str | None], Engine] = {}
_configured: _Configured | None = None
_lock = threading.RLock()
_checks: list[Callable[[URL], None]] = []


def configure(
    url: str | URL, *, create: bool = True, protocol: bool = False, program: str | None = None
) -> None:
    """Set the database of this process, for every session opened from now on.

    Parameters
    ----------
    url : str or URL
        ``sqlite:///path`` or ``postgresql://...``; made absolute at once.
    create : bool
        False for readers: a database that does not exist, or has none of our tables, is an error
        then, and nothing is created.
    protocol : bool
        True in runners and workers: on PostgreSQL their connections carry timeouts.
    program : str, optional
        What this process is, for the name of its connections on PostgreSQL, ``experiments:PROGRAM:PID``; by
        default ``runner`` with the protocol, ``script`` without.
    """
    global _configured  # noqa: PLW0603 - the process's one setting
    wanted = normalise_url(url)
    for check in _checks:
        check(wanted)
    _configured = _Configured(wanted, create, protocol, program)


@contextmanager
def configured_for_runs(url: str | URL, *, create: bool, program: str) -> Iterator[None]:
    """Within the block this process is a program that runs experiments: see `configure`."""
    global _configured  # noqa: PLW0603 - as in `configure`
    before = _configured
    configure(url, create=create, protocol=True, program=program)
    try:
        yield
    finally:
        _configured = before


def check_before_configuring(check: Callable[[URL], None]) -> None:
    """Call `check` with each URL given to `configure`, before it takes effect; it may refuse by raising."""
    _checks.append(check)


def current_url() -> URL:
    """Return the database of this process: `configure()`'s, the environment's, or the default."""
    if _configured is not None:
        return _configured.url
    return normalise_url(Settings.from_environment().database_url)


def get_engine(url: str | URL | None = None, *, create: bool = True) -> Engine:
    """Return this process's engine for a database whose tables exist at the current revision.

    Parameters
    ----------
    url : str or URL, optional
        The database; by default `current_url`.
    create : bool
        False for who only reads: nothing is made, as after ``configure(url, create=False)``.

    Raises
    ------
    DatabaseMissingError
        There is no such database, or no tables of ours in it, and none may be made.
    DatabaseUnreachableError, DatabaseError
        No connection can be made, or the database is another program's, on a network or read-only.
    SchemaError
        The tables have another revision; the message names the command to run.
    """
    configured = _configured or _Configured(current_url(), create=True, protocol=False, program=None)
    if url is not None:
        configured = replace(configured, url=normalise_url(url))
    with _lock:
        engine = _engines.get(configured.key)
        if engine is None:
            engine = _engines[configured.key] = _checked_engine(configured, create=create)
    return engine


def _checked_engine(configured: _Configured, *, create: bool) -> Engine:
    url, create = configured.url, create and configured.create
    if url.get_backend_name() == "sqlite":
        on_network = Settings.from_environment().allow_network_file_system
        sqlite_file.check_usable(Path(str(url.database)), on_network=on_network, writing=configured.protocol)
    engine = new_engine(url, create=create, protocol=configured.protocol, program=configured.program)
    try:
        schema.ensure(engine, create=create)
    except DBAPIError as error:
        engine.dispose()
        raise database_error(error, url) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def new_engine(
    url: str | URL, *, create: bool = True, protocol: bool = False, program: str | None = None
) -> Engine:
    """Return a new engine with our settings; its schema is not checked.

    Raises
    ------
    DatabaseMissingError
        `create` is False and the SQLite file does not exist.
    """
    parsed, settings = normalise_url(url), Settings.from_environment()
    on_sqlite = parsed.get_backend_name() == "sqlite"
    if on_sqlite:
        sqlite_file.find_folder(Path(str(parsed.database)), create=create)
    engine = sqlalchemy.create_engine(
        parsed,
        hide_parameters=True,
        poolclass=ExplainingPool,
        pool_size=settings.pool_size,
        max_overflow=settings.pool_overflow,
        pool_timeout=settings.pool_timeout_s,
        pool_recycle=math.ceil(settings.pool_recycle_s),
        pool_pre_ping=not on_sqlite,  # a file does not close connections
        connect_args={"timeout": sqlite.BUSY_STEP_S} if on_sqlite else _psycopg2_arguments(protocol, program),
    )
    if on_sqlite:
        sqlite.prepare(engine, settings.durability)
    slow_queries.watch(engine, settings.slow_query_s)
    failed_statements.watch(engine)
    taken_names.watch(engine)
    fork_safety.watch(engine)
    keep_in_its_process(engine)
    return engine


def _psycopg2_arguments(protocol: bool, program: str | None) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "connect_timeout": 5,
        "application_name": f"experiments:{program or ('runner' if protocol else 'script')}:{os.getpid()}",
        "keepalives": 1,
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
    return {**arguments, "options": PROTOCOL_OPTIONS} if protocol else arguments


def dispose_engines() -> None:
    """Close the idle connections of this process's engines and forget them."""
    with _lock:
        for engine in _engines.values():
            engine.dispose()
        _engines.clear()


def database_error(error: DBAPIError, url: URL | None = None) -> DatabaseError:
    """Translate a driver's error into one that explains the cause and what to do."""
    url = current_url() if url is None else url
    place = safe_url(url)
    cause = faults.own_words(error)
    name = faults.sqlite_code(error)
    if faults.is_contention(error):
        why = "is locked by another program" if name else "is too busy"
        return DatabaseUnreachableError(f"{place} {why} ({cause}); try again later")
    if name:
        file = Path(str(url.database))
        return DatabaseError(f"{file} {_about_sqlite(name, file, cause)}")
    if faults.is_refused(error):
        return DatabaseError(
            f"{place} refuses the connection ({cause}); check the user, the password and the name in the URL"
        )
    if faults.is_transient(error):
        return DatabaseUnreachableError(f"{place} cannot be reached ({cause}); is the server running?")
    return DatabaseError(f"{place}: the database refused a statement ({cause})")


def _about_sqlite(name: str, file: Path, cause: str) -> str:
    """Return the predicate of a message about the file: what is wrong with it, and what to do."""
    if name.startswith("SQLITE_NOTADB"):
        return f"is damaged or not an SQLite database ({cause}); restore a backup or name another file"
    if name.startswith("SQLITE_CORRUPT"):
        return f"is damaged ({cause}); {sqlite_file.how_to_mend(file)}"
    if name.startswith("SQLITE_CANTOPEN"):
        return f"cannot be opened ({cause}): {sqlite_file.why_not_opened(file)}"
    if name.startswith("SQLITE_READONLY"):
        reason = sqlite_file.why_not_writable(file) or "check the file's and its folder's owner"
        return f"cannot be written ({cause}): {reason}"
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE")):
        return f"cannot grow: no space is left on its disk ({cause}); free space and run it again"
    if name.startswith("SQLITE_IOERR"):
        return f"cannot be read or written: its disk fails ({cause}, {name}); check the system's log"
    return f"refused a statement ({cause})"


def _drop_inherited_engines() -> None:
    """In a forked child: never use what the parent opened."""
    global _lock  # noqa: PLW0603 - another thread of the parent may have held it at the fork
    _lock = threading.RLock()
    _engines.clear()
    sqlite.forget_writers()


os.register_at_fork(after_in_child=_drop_inherited_engines)
