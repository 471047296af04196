"""Sessions and threads: one for each, none leaks, none is shared; on both databases."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from database.engine.registry import configure, get_engine
from database.errors import SessionMisuseError
from database.models import ExperimentSeries
from database.session.lifecycle import SessionWarning, assert_idle, get_session, scoped_session
from database.session.scopes import thread_state
from database.session.thread_sessions import thread_session
from tests.integration.database.recorded_series import count, series
from tests.integration.databases import on_sqlite

THREADS = 200


def checked_out() -> int:
    return cast(QueuePool, get_engine().pool).checkedout()


def in_threads(work: Callable[[int], None], number: int) -> list[BaseException]:
    failures: list[BaseException] = []

    def run(index: int) -> None:
        try:
            work(index)
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(index,), name=f"thread-{index}") for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_two_hundred_threads(database_url: str) -> None:
    """Each of 200 threads has a session of its own, and after `remove` nothing is left."""
    sessions: dict[int, Session] = {}

    def work(index: int) -> None:
        try:
            session = thread_session()
            assert thread_session() is session
            sessions[index] = session
            session.add(series(f"s{index}"))
            session.commit()
        finally:
            thread_session.remove()
            thread_session.remove()

    assert in_threads(work, THREADS) == []
    assert len(set(map(id, sessions.values()))) == THREADS
    assert checked_out() == 0
    assert count() == THREADS


@pytest.mark.filterwarnings("ignore:.*thread_session.. opened at .*test_thread_sessions:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_two_hundred_threads_that_forget(database_url: str) -> None:
    """What 200 threads did not remove is rolled back and given back when they end, without a collection."""
    gate = threading.Semaphore(10)  # fewer than the pool has connections

    def work(index: int) -> None:
        with gate:
            session = thread_session()
            session.scalar(select(func.count()).select_from(ExperimentSeries))
            if index == 0:
                session.add(series("uncommitted"))
                session.flush()

    gc.disable()
    try:
        assert in_threads(work, THREADS) == []
        assert checked_out() == 0
    finally:
        gc.enable()
    assert count() == 0


@on_sqlite
def test_forgotten_session_is_told(database_url: str, recwarn: pytest.WarningsRecorder) -> None:
    """A thread that ends without `remove` is told with the place that opened its session."""
    assert in_threads(lambda _: thread_session().connection() and None, 1) == []
    [told] = [one for one in recwarn if issubclass(one.category, ResourceWarning)]
    assert "test_thread_sessions.py" in str(told.message)
    assert "thread_session.remove()" in str(told.message)


def test_pool_of_threads(database_url: str) -> None:
    """The threads of a pool outlive their tasks: after `remove` the next task has a new session."""
    seen: list[Session] = []

    def task(index: int) -> None:
        try:
            seen.append(thread_session())
            thread_session().add(series(f"s{index}"))
            thread_session().commit()
        finally:
            thread_session.remove()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(task, range(12)))
    assert len(set(map(id, seen))) == 12
    assert (count(), checked_out()) == (12, 0)


@on_sqlite
def test_another_database_gets_another_session(database_url: str, tmp_path: Path) -> None:
    """After configure() an idle thread session is replaced by one on the new database."""
    first = thread_session()
    first.add(series("here"))
    first.commit()
    configure(f"sqlite:///{tmp_path / 'other.db'}")
    assert thread_session() is not first
    assert thread_session().scalar(select(func.count()).select_from(ExperimentSeries)) == 0
    thread_session.remove()


@on_sqlite
def test_mixing_is_told(database_url: str) -> None:
    """A thread session inside a scope, or a scope beside its open transaction, is told once."""
    with pytest.warns(SessionWarning, match=r"thread_session\(\) at .*Use the scope's session") as told:
        with scoped_session():
            thread_session().scalar(select(1))
        with scoped_session():
            thread_session()
    assert len(told) == 1
    thread_session.remove()


@on_sqlite
def test_mixing_the_other_way(database_url: str) -> None:
    """A scope opened while this thread's session is in a transaction is told."""
    thread_session().scalar(select(1))
    with (
        pytest.warns(SessionWarning, match=r"\(thread_session\(\) at .*Commit the session first"),
        scoped_session(),
    ):
        pass
    thread_session.remove()


@on_sqlite
def test_idle_thread(database_url: str) -> None:
    """A transaction of the thread's session is found and rolled back before an experiment."""
    thread_session().add(series("left open"))
    thread_session().flush()
    with pytest.raises(SessionMisuseError, match=r"experiment 3: a transaction of the thread_session\(\)"):
        assert_idle("experiment 3")
    assert_idle("experiment 4")
    thread_session.remove()
    assert count() == 0


@pytest.mark.parametrize("pattern", ["scoped_session()", "get_session()", "thread_session()"])
def test_sessions_are_not_shared(database_url: str, pattern: str) -> None:
    """A session that another thread uses refuses at once, and names both threads and its place."""

    def share(session: Session) -> None:
        def use(_: int) -> None:
            session.scalars(select(ExperimentSeries)).all()

        def change(_: int) -> None:
            session.add(series("a"))
            session.flush()

        for mistake in (use, change):
            [error] = in_threads(mistake, 1)
            assert isinstance(error, SessionMisuseError)
            text = str(error)
            assert f"the session of {pattern} at " in text
            assert "test_thread_sessions.py" in text
            assert "'MainThread' and is used by the thread 'thread-0'" in text
            session.rollback()
        session.scalars(select(ExperimentSeries)).all()  # its owner goes on

    if pattern == "scoped_session()":
        with scoped_session() as scoped:
            share(scoped)
    else:
        share(get_session() if pattern == "get_session()" else thread_session())
        thread_session.remove()
    assert count() == 0


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_fork_beside_other_threads(database_url: str) -> None:
    """A fork does not close, in the child, the sessions that the parent's other threads go on using."""
    ready, forked = threading.Barrier(5, timeout=30), threading.Event()

    def work(index: int) -> None:
        try:
            thread_session().add(series(f"s{index}"))
            if "sqlite" not in database_url:
                thread_session().flush()  # mid-transaction
            else:
                thread_session().connection()
            ready.wait()
            assert forked.wait(30)
            thread_session().commit()
        finally:
            thread_session.remove()

    failures: list[BaseException] = []
    starter = threading.Thread(target=lambda: failures.extend(in_threads(work, 4)))
    starter.start()
    ready.wait()
    child = os.fork()
    if child == 0:
        gc.collect()
        os._exit(0 if thread_state.own is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    forked.set()
    starter.join()
    assert failures == []
    assert count() == 4
