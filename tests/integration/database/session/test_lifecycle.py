"""The three session patterns, on both databases."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from database.errors import SessionMisuseError
from database.models import ExperimentSeries
from database.session.lifecycle import (
    SessionLocal,
    SessionWarning,
    assert_idle,
    close_global_session,
    commit_part,
    configure,
    get_session,
    scoped_session,
)
from database.session.scopes import ScopedSession
from tests.integration.database.recorded_series import count, series
from tests.integration.databases import on_sqlite


def test_scope_commits(database_url: str) -> None:
    """A scope that ends normally has committed, and its objects can be read afterwards."""
    with scoped_session() as session:
        made = series("a")
        session.add(made)
    assert (made.name, made.id) == ("a", 1)
    assert count() == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_scope_rolls_back(database_url: str, error: type[BaseException]) -> None:
    """Any exception, also one that is no Exception, undoes the whole scope and is passed on."""
    with pytest.raises(error), scoped_session() as session:
        session.add(series("a"))
        session.flush()
        raise error
    assert count() == 0


@on_sqlite
def test_legacy_query(database_url: str) -> None:
    """Users may write session.query(...)."""
    with scoped_session() as session:
        session.add(series("a"))
    with scoped_session() as session:
        assert [found.name for found in session.query(ExperimentSeries).all()] == ["a"]


def test_nested_scope_is_savepoint(database_url: str) -> None:
    """A caught failure of an inner scope undoes only the inner part."""
    with scoped_session() as outer:
        outer.add(series("outer"))
        with pytest.raises(RuntimeError), scoped_session() as inner:
            assert inner is outer
            inner.add(series("inner"))
            inner.flush()
            raise RuntimeError
        with scoped_session() as inner:
            inner.add(series("kept"))
    with SessionLocal() as session:
        assert sorted(session.scalars(select(ExperimentSeries.name))) == ["kept", "outer"]


def test_commit_inside_scope(database_url: str) -> None:
    """A commit inside a scope works and is told once."""
    with pytest.warns(SessionWarning, match="unnecessary") as told, scoped_session() as session:
        session.add(series("a"))
        session.commit()
        session.add(series("b"))
        session.commit()
    assert len(told) == 1
    assert count() == 2


def test_commit_part(database_url: str) -> None:
    """A bulk job may commit parts on purpose, but not those of an outer scope."""
    with pytest.raises(RuntimeError), scoped_session() as session:
        session.add(series("a"))
        commit_part(session)
        session.add(series("b"))
        session.flush()
        raise RuntimeError
    assert count() == 1
    with pytest.raises(RuntimeError), scoped_session() as session:
        with scoped_session() as inner:
            inner.add(series("c"))
            commit_part(inner)
        raise RuntimeError
    assert count() == 1


def test_query_in_the_global_session(database_url: str) -> None:
    """It returns what is recorded now, in the middle of a transaction too, never over unwritten changes."""
    with SessionLocal() as other:
        other.add_all([series("a"), series("b")])
        other.commit()
    session = get_session()
    query = select(ExperimentSeries).order_by(ExperimentSeries.name)
    one, two = session.scalars(query).all()

    def write(notes: str) -> None:
        with SessionLocal() as other:
            for row in other.query(ExperimentSeries):
                row.notes = notes
            other.commit()

    write("new")
    assert [row.notes for row in session.scalars(query)] == ["new", "new"]
    assert session.query(ExperimentSeries).filter_by(name="a").one() is one
    one.description, one.notes = "own", "unwritten"
    write("newer")
    with session.no_autoflush:
        session.scalars(query).all()
    session.query(ExperimentSeries).autoflush(False).all()
    session.execute(query.execution_options(autoflush=False)).all()
    assert (one.description, one.notes, two.notes) == ("own", "unwritten", "new")
    session.rollback()
    two.description = "own"
    with SessionLocal() as other:
        other.scalars(query.limit(1)).one().notes = "newest"
        other.commit()
    # The change is written by the query first.
    rows = [(row.description, row.notes) for row in session.scalars(query)]
    assert rows == [("", "newest"), ("own", "newer")]


def test_read_only_scope_refuses_writes(database_url: str) -> None:
    """The database itself refuses a write in a read-only scope, and only there."""
    with pytest.raises(DBAPIError), scoped_session(read_only=True) as session:
        session.add(series("a"))
        session.flush()
    with scoped_session() as session:
        session.add(series("a"))
    assert count() == 1


def test_read_only_scope_is_a_snapshot(database_url: str) -> None:
    """What others commit meanwhile is not seen, and they need not wait."""
    with scoped_session() as session:
        session.add(series("a"))
    seen = []

    def write() -> None:
        with scoped_session() as session:
            session.add(series("b"))
        seen.append(count())

    with scoped_session(read_only=True) as session:
        names = select(ExperimentSeries.name)
        assert session.scalars(names).all() == ["a"]
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        assert session.scalars(names).all() == ["a"]
    assert seen == [2]


def test_global_session_is_one(database_url: str) -> None:
    """One session per process, committed explicitly; closing it twice is harmless."""
    session = get_session()
    assert get_session() is session
    session.add(series("a"))
    session.commit()
    session.add(series("b"))
    session.flush()
    with pytest.warns(SessionWarning, match="get_session.* ended with work that was not committed"):
        close_global_session()
    close_global_session()
    assert count() == 1
    assert get_session() is not session


def test_global_session_sees_others_changes(database_url: str) -> None:
    """Its objects expire at commit, so that the next read is fresh."""
    session = get_session()
    made = series("a")
    session.add(made)
    session.commit()
    with SessionLocal() as other:
        other.scalars(select(ExperimentSeries)).one().description = "changed"
        other.commit()
    session.commit()
    assert made.description == "changed"


@on_sqlite
def test_global_session_belongs_to_its_thread(database_url: str) -> None:
    """Another thread is refused, with advice."""
    get_session()
    caught: list[SessionMisuseError] = []

    def other() -> None:
        try:
            get_session()
        except SessionMisuseError as error:
            caught.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert "test_lifecycle.py" in str(caught[0])
    assert "SessionLocal()" in str(caught[0])


@on_sqlite
def test_mixing_is_told_once(database_url: str) -> None:
    """The two patterns in one thread work, with one warning that names both places."""
    with pytest.warns(SessionWarning, match=r"get_session\(\) at .*test_lifecycle") as told, scoped_session():
        get_session()
        get_session()
    assert len(told) == 1


@on_sqlite
def test_mixing_the_other_way(database_url: str) -> None:
    """A scope opened while the global session is in a transaction is told too."""
    get_session().scalars(select(ExperimentSeries)).all()
    with pytest.warns(SessionWarning, match="Commit the global session first"), scoped_session():
        pass


def test_open_read_blocks_nobody(database_url: str) -> None:
    """A read through the global session held open lets another process write at once."""
    session = get_session()
    session.scalars(select(ExperimentSeries)).all()
    assert session.in_transaction()
    process = multiprocessing.get_context("spawn").Process(target=_add, args=(database_url, "b"))
    process.start()
    process.join()
    assert process.exitcode == 0
    # And it may go on to write after the foreign write, without a snapshot conflict.
    session.add(series("c"))
    session.commit()
    assert count() == 2


def _add(url: str, name: str) -> None:
    configure(url)
    session = get_session()
    try:
        session.add(series(name))
        session.commit()
    finally:
        close_global_session()


def test_second_writer_of_a_thread(sqlite_url: str) -> None:
    """On SQLite a second session of the thread that holds the write lock is told so at once."""
    with scoped_session() as session:
        session.add(series("a"))
        session.flush()
        with SessionLocal() as other:
            other.add(series("b"))
            with pytest.raises(
                SessionMisuseError, match=r"test_lifecycle\.py:\d+ writes .* since .*test_lifecycle"
            ):
                other.flush()
    with scoped_session() as session:
        session.add(series("c"))
    assert count() == 2


@on_sqlite
def test_assert_idle(database_url: str) -> None:
    """A transaction left open is rolled back and named."""
    assert_idle("before")
    session = get_session()
    session.add(series("a"))
    session.flush()
    with pytest.raises(SessionMisuseError, match="experiment 7: a transaction of the global session"):
        assert_idle("experiment 7")
    leaked = _leak()
    next(leaked)
    with pytest.raises(SessionMisuseError, match="experiment 8: the scoped_session"):
        assert_idle("experiment 8")
    assert_idle("after")
    assert count() == 0


def _leak():  # type: ignore[no-untyped-def]
    with scoped_session() as session:
        session.add(series("leaked"))
        session.flush()
        yield session


def test_configure_another_database(sqlite_url: str, tmp_path: Path) -> None:
    """Naming another database closes an idle global session, and refuses in mid-transaction."""
    first = get_session()
    first.commit()
    configure(f"sqlite:///{tmp_path / 'other.db'}")
    assert get_session() is not first
    get_session().add(series("a"))
    get_session().flush()
    configure(sqlite_url)
    with pytest.raises(SessionMisuseError, match="in a transaction"):
        get_session()


@on_sqlite
def test_session_local_is_plain(database_url: str) -> None:
    """SessionLocal() gives a new session each time and takes SQLAlchemy's options."""
    with SessionLocal() as one, SessionLocal(expire_on_commit=False) as two:
        assert isinstance(one, Session)
        assert not isinstance(one, ScopedSession)
        assert one is not two
        assert not two.expire_on_commit
