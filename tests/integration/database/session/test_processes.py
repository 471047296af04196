"""Sessions and processes: fork, forkserver, spawn, and the end of a process; on both databases."""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.engine.registry import new_engine
from database.errors import SessionMisuseError
from database.models import ExperimentSeries
from database.session import lifecycle as sessions
from database.session.lifecycle import (
    SessionLocal,
    close_global_session,
    configure,
    get_session,
    scoped_session,
)
from database.session.scopes import thread_state
from database.session.thread_sessions import thread_session
from tests.integration.database.recorded_series import count, names, series
from tests.integration.databases import on_sqlite


def _add(url: str, name: str) -> None:
    configure(url)
    session = get_session()
    try:
        session.add(series(name))
        session.commit()
    finally:
        close_global_session()


def refused(work: Callable[[], object]) -> bool:
    """Say whether `work` is told that the session is the parent's."""
    try:
        work()
    except SessionMisuseError as error:
        return "is used by its child" in str(error)
    return False


def in_child(work: Callable[[], bool]) -> bool:
    """Fork, and return what `work` says there."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_patterns_in_children(database_url: str, tmp_path: Path, method: str) -> None:
    """Each start method gives the child sessions of its own, and the parent's stay usable."""
    session = get_session()
    session.add(series("parent"))
    session.flush()
    session.commit()
    session.scalars(select(ExperimentSeries)).all()  # an open read, and a connection a fork would inherit
    answer = tmp_path / "answer"
    process = multiprocessing.get_context(method).Process(
        target=_all_patterns, args=(database_url, method, str(answer))
    )
    process.start()
    process.join()
    assert process.exitcode == 0
    assert answer.read_text() == "parent,scope-child,global-child,local-child"
    assert len(session.scalars(select(ExperimentSeries)).all()) == 4
    session.add(series("after"))
    session.commit()
    assert count() == 5


def _all_patterns(url: str, method: str, answer: str) -> None:
    if method != "fork":
        configure(url)
    with scoped_session() as session:
        session.add(series("scope-child"))
    session = get_session()
    try:
        session.add(series("global-child"))
        session.commit()
    finally:
        close_global_session()
    with SessionLocal() as local:
        local.add(series("local-child"))
        local.commit()
        names = local.scalars(select(ExperimentSeries.name).order_by(ExperimentSeries.id)).all()
        Path(answer).write_text(",".join(names))


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_fork_inside_transaction(database_url: str) -> None:
    """A child forked in mid-transaction has no session, and its exit does not hurt the parent's."""
    with scoped_session() as session:
        session.add(series("a"))
        session.flush()
        child = os.fork()
        if child == 0:
            clean = sessions._global is None and not thread_state.scopes
            close_global_session()
            os._exit(0 if clean else 1)
        assert os.waitpid(child, 0)[1] == 0
        session.add(series("b"))
    assert count() == 2


def test_global_session_closed_at_exit(database_url: str) -> None:
    """A child that forgets to close its session leaves nothing uncommitted behind."""
    process = multiprocessing.get_context("forkserver").Process(target=_forget, args=(database_url,))
    process.start()
    process.join()
    assert process.exitcode == 0
    _add(database_url, "next")  # would wait for a lock that the child left
    assert count() == 1


@on_sqlite
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_forgotten_global_session_is_told(database_url: str, tmp_path: Path, method: str) -> None:
    """A child that forgets to close its session says so at its end, once, with the place that opened it."""
    told = tmp_path / "told"
    process = multiprocessing.get_context(method).Process(
        target=_forget_aloud, args=(database_url, str(told))
    )
    process.start()
    process.join()
    assert process.exitcode == 0
    [line] = told.read_text().splitlines()
    assert line.startswith("SessionWarning: the session of get_session() at ")
    assert "test_processes.py" in line
    assert "ended with work that was not committed and is lost; call session.commit()" in line


@on_sqlite
@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("pattern", ["get_session()", "thread_session()"])
def test_script_that_forgets(database_url: str, tmp_path: Path, pattern: str, close: bool) -> None:
    """A script that ends without closing is told under `python -W default`; one that closes is not."""
    script = tmp_path / "skript é.py"
    opened = [
        "from database.session import *; from database.session.thread_sessions import thread_session",
        f"{pattern}.connection()",
    ]
    closed = ["close_global_session(); thread_session.remove()"] if close else []
    script.write_text("\n".join([*opened, *closed]))
    ended = subprocess.run(
        [sys.executable, "-W", "default::ResourceWarning", str(script)],
        env={**os.environ, "EXPERIMENTS_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr.count("ResourceWarning") == (0 if close else 1)
    if not close:
        assert re.search(
            rf"{re.escape(pattern)} (opened )?at {re.escape(str(script))}:2 was never", ended.stderr
        )


def _forget_aloud(url: str, path: str) -> None:
    def show(message: Warning | str, category: type[Warning], *_rest: object, **_more: object) -> None:
        with Path(path).open("a") as told:
            told.write(f"{category.__name__}: {message}\n")

    warnings.showwarning = show
    warnings.simplefilter("always")
    _forget(url)


def _forget(url: str) -> None:
    configure(url)
    get_session().add(series("forgotten"))
    get_session().flush()


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("pattern", ["scoped_session()", "get_session()", "thread_session()"])
def test_sessions_do_not_follow_a_fork(database_url: str, pattern: str) -> None:
    """A forked child that uses its parent's session is refused, and the parent's stays whole."""

    def fork(session: Session) -> None:
        session.add(series("a"))
        session.flush()
        child = os.fork()
        if child == 0:
            try:
                session.scalars(select(ExperimentSeries)).all()
            except SessionMisuseError as error:
                os._exit(0 if "is used by its child" in str(error) else 2)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        session.add(series("b"))

    if pattern == "scoped_session()":
        with scoped_session() as scoped:
            fork(scoped)
    else:
        session = get_session() if pattern == "get_session()" else thread_session()
        fork(session)
        session.commit()
        thread_session.remove()
    assert count() == 2


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("pattern", ["get_session()", "thread_session()", "SessionLocal()"])
def test_child_cannot_end_its_parents_transaction(database_url: str, pattern: str) -> None:
    """commit() in a child is refused; rollback(), close() and invalidate() there reach nobody."""
    opened = {
        "get_session()": get_session,
        "thread_session()": thread_session,
        "SessionLocal()": SessionLocal,
    }
    session: Session = opened[pattern]()
    session.add(series("a"))
    session.flush()

    def touch() -> bool:
        told = refused(session.commit) and refused(session.begin_nested)
        session.rollback()
        session.close()
        session.invalidate()
        return told and refused(lambda: session.scalar(select(1)))

    assert in_child(touch)
    assert names() == []  # not committed by the child
    session.add(series("b"))
    session.commit()  # nor rolled back, nor hung up on
    session.close()
    thread_session.remove()
    assert names() == ["a", "b"]


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("read_only_part", [False, True])
def test_child_that_leaves_its_parents_blocks(database_url: str, fails: bool, read_only_part: bool) -> None:
    """A child that falls out of the scopes it was forked in is told, and ends nothing of the parent's."""
    child = None

    def block() -> None:
        nonlocal child
        with scoped_session() as session:
            session.add(series("outer"))
            session.flush()
            with scoped_session(), scoped_session(read_only=read_only_part) as inner, inner.begin_nested():
                child = os.fork()
                if child:
                    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
                elif fails:
                    raise RuntimeError
            assert names() == []
            session.add(series("after"))

    try:
        block()
    except BaseException as error:
        if child == 0:
            expected = RuntimeError if fails else SessionMisuseError
            os._exit(0 if isinstance(error, expected) else 1)
        raise
    finally:
        if child == 0:
            os._exit(2)
    assert names() == ["after", "outer"]


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_engine_of_the_callers_is_not_shared(database_url: str) -> None:
    """An engine from new_engine() opens connections of its own in a child, and the parent's goes on."""
    engine = new_engine(database_url)

    def write(name: str) -> bool:
        with scoped_session(engine=engine) as session:
            session.add(series(name))
        return True

    write("before")
    with engine.connect() as connection:
        parents = connection.connection.driver_connection

        def write_there() -> bool:
            with engine.connect() as other:
                return other.connection.driver_connection is not parents and write("child")

        assert in_child(write_there)
    write("after")
    engine.dispose()
    assert names() == ["after", "before", "child"]
