"""What a signal's handler raises interrupts a statement of SQLite; half of a transaction never stays."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError, PendingRollbackError
from sqlalchemy.orm import Session

from database.engine import sqlite
from database.engine.registry import get_engine
from database.models import ExperimentSeries
from database.session.lifecycle import get_session, scoped_session
from tests.integration.database.recorded_series import add, in_thread, names, series

#: Hours of work, and some milliseconds of it; the first row says that it has begun.
ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT begun() UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT sum(i) FROM n"
)
LONG = text(ENDLESS.format("1e12"))
SHORT = text(ENDLESS.format(2_000_000))
WRITING = text(f"UPDATE experiment_series SET notes = ({LONG.text})")


class AlarmError(Exception):
    """What a test's handler raises."""


@pytest.fixture(autouse=True)
def begun(sqlite_url: str) -> Iterator[threading.Event]:
    """Yield an event that is set when the statements above begin; there is one series."""
    begun = threading.Event()
    engine = get_engine()

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.create_function("begun", 0, lambda: begun.set() or 1)  # type: ignore[func-returns-value]

    engine.dispose()
    add("first")
    # A shell lets what it starts in the background ignore it.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield begun
    signal.signal(signal.SIGINT, handler)
    before = signal.getsignal(signal.SIGUSR1)
    assert before in {signal.SIG_DFL, None} or signal.signal(signal.SIGUSR1, signal.SIG_DFL)


def send(number: int, begun: threading.Event) -> None:
    """Send this process a signal as soon as a statement runs."""

    def later() -> None:
        begun.wait()
        os.kill(os.getpid(), number)

    threading.Thread(target=later, daemon=True).start()


@pytest.mark.parametrize("statement", [LONG, WRITING], ids=["reads", "writes"])
def test_ctrl_c(begun: threading.Event, statement: Any) -> None:
    """Ctrl-C ends a statement at once; the transaction is undone, and its lock is free."""
    send(signal.SIGINT, begun)
    with pytest.raises(KeyboardInterrupt) as caught, scoped_session() as session:
        session.add(series("undone"))
        session.flush()
        session.execute(statement)
    add("after")  # while the error, and so the statement, is still referred to
    assert caught.value is not None
    assert names() == ["after", "first"]


@pytest.mark.parametrize("nested", [False, True])
def test_ctrl_c_that_is_caught_inside(begun: threading.Event, nested: bool) -> None:
    """Who catches it within a transaction cannot commit what came before or after: all of it is undone."""

    def interrupted(session: Session) -> None:
        send(signal.SIGINT, begun)
        with suppress(KeyboardInterrupt):
            if nested:
                with scoped_session() as inner:
                    inner.execute(WRITING)
            session.execute(WRITING)

    with pytest.raises(PendingRollbackError), scoped_session() as session:
        session.add(series("before"))
        session.flush()
        interrupted(session)
        session.add(series("after"))
    assert names() == ["first"]


def test_global_session_goes_on_after_a_rollback(begun: threading.Event) -> None:
    """A loop that catches Ctrl-C rolls back, and its session works again."""
    session = get_session()
    session.add(series("undone"))
    session.flush()
    send(signal.SIGINT, begun)
    with pytest.raises(KeyboardInterrupt):
        session.execute(LONG)
    session.rollback()
    session.add(series("kept"))
    session.commit()
    assert names() == ["first", "kept"]


def test_handler_decides(begun: threading.Event) -> None:
    """A handler that counts lets the statement go on, as a run's does; what one raises is raised."""
    counted: list[int] = []

    def count(number: int, _frame: FrameType | None) -> None:
        counted.append(number)

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise AlarmError("over")

    signal.signal(signal.SIGUSR1, count)
    send(signal.SIGUSR1, begun)
    with scoped_session() as session:
        assert session.execute(SHORT).scalar() == 2_000_001_000_000
    assert counted == [signal.SIGUSR1]
    signal.signal(signal.SIGUSR1, ring)
    begun.clear()
    send(signal.SIGUSR1, begun)
    with pytest.raises(AlarmError, match="over"), scoped_session() as session:
        session.execute(LONG)


def test_other_threads_go_on(begun: threading.Event) -> None:
    """Ctrl-C is the main thread's: a statement of another one goes on, and its transaction is kept."""

    def work() -> None:
        with scoped_session() as session:
            session.add(series("of the thread"))
            assert session.execute(SHORT).scalar() == 2_000_001_000_000

    ended = threading.Event()
    send(signal.SIGINT, begun)
    raised: list[BaseException] = []
    thread = threading.Thread(target=lambda: (raised.extend(in_thread(work)), ended.set()))
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        threading.Event().wait()
    ended.wait()
    thread.join()
    assert raised == []
    assert names() == ["first", "of the thread"]


def test_waiting_for_a_lock(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the wait for another program's lock too; without it the wait has its limit."""
    file = str(get_engine().url.database)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = threading.Event()
        waited = sqlite.clock.sleep
        monkeypatch.setattr(sqlite.clock, "sleep", lambda seconds: (waiting.set(), waited(seconds)))
        send(signal.SIGINT, waiting)
        with pytest.raises(KeyboardInterrupt):
            add("never")
        monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.0)
        with pytest.raises(OperationalError, match="locked"):
            add("never")
    add("after")
    assert names() == ["after", "first"]


def test_interrupt_of_another_program(begun: threading.Event) -> None:
    """What SQLite interrupts by itself, or a caller of `interrupt()`, is an error of the database."""
    with pytest.raises(OperationalError, match="interrupted"), scoped_session() as session:
        driver: Any = session.connection().connection.driver_connection

        def interrupt() -> None:
            begun.wait()
            driver.interrupt()

        threading.Thread(target=interrupt, daemon=True).start()
        session.execute(LONG)
    with scoped_session(read_only=True) as session:
        assert session.scalar(select(ExperimentSeries.name)) == "first"
