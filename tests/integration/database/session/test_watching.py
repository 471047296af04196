"""What happens to sessions and statements is counted, logged and told, on both databases."""

from __future__ import annotations

import logging
import multiprocessing
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from database import events
from database.engine.pool import PoolExhaustedError
from database.engine.registry import get_engine, new_engine
from database.engine.slow_queries import without_literals
from database.events import Event, EventKind, listening
from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal, close_global_session, get_session, scoped_session
from tests.integration.database.recorded_series import series
from tests.integration.databases import on_sqlite


@pytest.fixture(autouse=True)
def _nothing_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a busy machine from adding slow statements to what is counted."""
    monkeypatch.setenv("EXPERIMENTS_SLOW_QUERY_S", "3600")


def kinds(work: Callable[[], object]) -> list[EventKind]:
    """Return what happens during `work`, and make sure that all of it happened to sessions of this file."""
    get_engine()  # its tables are looked at before
    heard: list[Event] = []
    with listening(heard.append):
        work()
    assert {Path(one.place.rpartition(":")[0]).name for one in heard} == {"test_watching.py"}
    return [one.kind for one in heard]


def test_a_scope_that_commits(database_url: str) -> None:
    """A scope is opened, begun, committed and closed, once each, whatever savepoints it had."""

    def work() -> None:
        with scoped_session() as session:
            session.add(series("a"))
            with scoped_session():
                session.add(series("b"))
            with pytest.raises(RuntimeError), scoped_session():
                session.add(series("c"))
                session.flush()
                raise RuntimeError

    assert kinds(work) == ["opened", "begun", "committed", "closed"]


def test_a_scope_that_fails(database_url: str) -> None:
    """A failing scope rolls back, also out of a savepoint."""

    def work() -> None:
        with pytest.raises(RuntimeError), scoped_session() as session, session.begin_nested():
            session.add(series("a"))
            session.flush()
            raise RuntimeError

    assert kinds(work) == ["opened", "begun", "rolled_back", "closed"]


@on_sqlite
def test_a_session_without_statements(database_url: str) -> None:
    """A session that never asked the database began nothing."""

    def work() -> None:
        with scoped_session():
            pass

    assert kinds(work) == ["opened", "closed"]


def test_a_plain_session(database_url: str) -> None:
    """Closing in the middle of a transaction is a rollback; a session may begin again; it closes once."""

    def work() -> None:
        session = SessionLocal()
        session.scalars(select(ExperimentSeries)).all()
        session.commit()
        session.scalars(select(ExperimentSeries)).all()
        session.reset()
        session.scalars(select(ExperimentSeries)).all()
        session.close()
        session.close()

    begun = ["opened", "begun", "committed", "begun", "rolled_back", "begun", "rolled_back", "closed"]
    assert kinds(work) == begun


@on_sqlite
def test_the_global_session(database_url: str) -> None:
    """The global session is watched like the others."""

    def work() -> None:
        session = get_session()
        session.add(series("a"))
        session.commit()
        close_global_session()

    assert kinds(work) == ["opened", "begun", "committed", "closed"]


@on_sqlite
def test_others_sessions_are_left_alone(database_url: str) -> None:
    """A session that somebody else made, even on our engine, is not watched."""
    with listening(pytest.fail), Session(get_engine()) as session:
        session.execute(text("SELECT 1"))
        session.commit()


@on_sqlite
def test_totals(database_url: str) -> None:
    """The counters go on counting without a listener, from every thread."""
    get_engine()
    before = events.totals()

    def work() -> None:
        for _ in range(50):
            with scoped_session() as session:
                session.scalar(text("SELECT 1"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {kind: count - before[kind] for kind, count in events.totals().items()}
    expected = dict.fromkeys(EventKind, 200)
    assert found == {**expected, EventKind.ROLLED_BACK: 0, EventKind.SLOW_QUERY: 0}


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_totals_of_a_forked_child(sqlite_url: str) -> None:
    """A forked child counts what happens in itself."""
    with scoped_session():
        pass
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=lambda: sender.send(events.totals()))
    process.start()
    assert set(receiver.recv().values()) == {0}
    process.join()


@on_sqlite
def test_a_listener_that_raises(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """A listener's mistake is logged; the transaction it watched is not disturbed."""

    def fail(_event: Event) -> None:
        raise ZeroDivisionError

    with listening(fail), scoped_session() as session:
        session.add(series("a"))
    assert [record.exc_info and record.exc_info[0] for record in caplog.records] == [ZeroDivisionError] * 4
    with SessionLocal() as session:
        assert session.scalars(select(ExperimentSeries.name)).all() == ["a"]


@on_sqlite
def test_debug_log(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """At level DEBUG each step of a session is logged with the place that opened it."""
    get_engine()
    with caplog.at_level(logging.DEBUG, "database.engine.instrumented_session"), scoped_session() as session:
        session.add(series("a"))
    found = [re.fullmatch(r"session (\d+) of (.*)\.py:\d+: (\w+)", one) for one in caplog.messages]
    assert [one and one[3] for one in found] == ["opened", "begun", "committed", "closed"]
    assert len({one and one[1] for one in found}) == 1
    assert all(one and one[2].endswith("test_watching") for one in found)


@on_sqlite
def test_nothing_is_logged_otherwise(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Sessions and quick statements are silent at level INFO."""
    with caplog.at_level(logging.INFO, "database"), scoped_session() as session:
        session.add(series("a"))
    assert not caplog.messages


def test_slow_statement(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A statement beyond the threshold is logged and told with its text and place, never with its values."""
    monkeypatch.setenv("EXPERIMENTS_SLOW_QUERY_S", "1e-9")
    heard: list[Event] = []
    get_engine()
    with listening(heard.append), SessionLocal() as session:
        session.execute(
            select(ExperimentSeries.id)
            .where(ExperimentSeries.name == "secret")
            .where(ExperimentSeries.id.in_(range(1_000)))
        )
        session.rollback()
    [slow] = [one for one in heard if one.kind is EventKind.SLOW_QUERY]
    [told] = [one for one in caplog.messages if "SELECT experiment_series.id" in one]
    assert slow.place in told
    assert re.search(r"test_watching\.py:\d+$", slow.place)
    assert slow.statement is not None
    assert slow.statement.startswith("SELECT experiment_series.id FROM experiment_series WHERE")
    assert len(slow.statement) <= 2_001
    assert slow.seconds is not None
    assert slow.seconds > 0
    assert "secret" not in told
    assert "\n" not in told


def test_slow_statement_that_fails(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that a timeout ends is the slowest of all: it is told too."""
    monkeypatch.setenv("EXPERIMENTS_SLOW_QUERY_S", "0.05")
    heard: list[Event] = []
    get_engine()
    with listening(heard.append), pytest.raises(OperationalError), scoped_session() as session:
        session.execute(text("SET LOCAL statement_timeout = 200"))
        session.execute(text("SELECT pg_sleep(30)"))
    slow = [one for one in heard if one.kind is EventKind.SLOW_QUERY][-1]  # a busy machine has more of them
    assert slow.statement == "SELECT pg_sleep(30)"
    assert slow.seconds is not None
    assert slow.seconds > 0.15


def test_literals_of_slow_statements(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is quoted in the text of a statement is not logged."""
    monkeypatch.setenv("EXPERIMENTS_SLOW_QUERY_S", "1e-9")
    with SessionLocal() as session:
        caplog.clear()
        session.execute(text("SELECT 'secret', 'it''s secret', 1"))
    assert caplog.messages[-1].endswith("SELECT '…', '…', 1")


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("SELECT 1", "SELECT 1"),
        ("PASSWORD 'secret", "PASSWORD '…'"),
        ("SELECT E'a\\'secret', 'b'", "SELECT E'…'"),
        ("SELECT $tag$secret$tag$, 1", "SELECT '…'"),
        ('SELECT "a column" FROM t', 'SELECT "a column" FROM t'),
    ],
)
def test_what_cannot_be_read_is_not_shown(statement: str, shown: str) -> None:
    """Where it cannot be told what is quoted, the rest is left out."""
    assert without_literals(statement) == shown


def test_waiting_for_the_lock_is_slow(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On SQLite the wait for another writer is logged as what it is, not as the statement's own time."""
    monkeypatch.setenv("EXPERIMENTS_SLOW_QUERY_S", "0.2")
    engine = get_engine()
    locked, waits = threading.Event(), threading.Event()

    def hold() -> None:
        with new_engine(sqlite_url).connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            locked.set()
            waits.wait()
            threading.Event().wait(0.5)  # this time is what the test is about
            connection.rollback()
        connection.engine.dispose()

    @event.listens_for(engine, "before_cursor_execute")
    def begins(*arguments: Any) -> None:
        waits.set()

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait()
    caplog.clear()
    with scoped_session() as session:
        session.add(series("a"))
    holder.join()
    message = caplog.messages[0]  # on a busy machine others may be slow too, but later
    assert message.endswith("(EXPERIMENTS_SLOW_QUERY_S is 0.2): BEGIN IMMEDIATE")
    assert "test_watching.py" in message


def test_pool_settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool has the size, the overflow and the patience that the environment names."""
    monkeypatch.setenv("EXPERIMENTS_POOL_SIZE", "1")
    monkeypatch.setenv("EXPERIMENTS_POOL_OVERFLOW", "1")
    monkeypatch.setenv("EXPERIMENTS_POOL_TIMEOUT_S", "0.05")
    with SessionLocal() as one, SessionLocal() as two, SessionLocal() as three:
        one.execute(text("SELECT 1"))
        two.execute(text("SELECT 1"))
        with pytest.raises(PoolExhaustedError) as caught:
            three.execute(text("SELECT 1"))
        message = str(caught.value)
        assert message.startswith("all 2 connections of this process to the database were in use for 0.05 s")
        assert re.search(
            r"by sessions opened at \S*test_watching\.py:\d+ \(2\); end sessions earlier", message
        )
        assert "EXPERIMENTS_POOL_OVERFLOW" in message
        assert isinstance(caught.value.__cause__, PoolTimeoutError)
        two.rollback()
        assert three.scalar(text("SELECT 1")) == 1


def test_old_connections_are_replaced(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection older than EXPERIMENTS_POOL_RECYCLE_S is closed, and another opened, at its next use."""
    monkeypatch.setenv("EXPERIMENTS_POOL_RECYCLE_S", "60")
    engine = new_engine(database_url)
    opened: list[Any] = []
    event.listen(engine, "connect", lambda _connection, record: opened.append(record))
    for older_s in (50, 20, 0):
        with engine.connect():
            opened[-1].starttime -= older_s
    engine.dispose()
    assert len(opened) == 2


def test_a_broken_connection_is_replaced(postgres_url: str) -> None:
    """A connection that the server has ended is noticed before it is used."""
    with SessionLocal() as session:
        victim = session.scalar(text("SELECT pg_backend_pid()"))
    with new_engine(postgres_url).connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
        other.engine.dispose()
    with SessionLocal() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != victim
