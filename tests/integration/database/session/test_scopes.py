"""What a scope may be asked for: read only, an isolation level, another database; and scopes in scopes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from database.engine import registry as engines
from database.engine.faults import is_transient
from database.engine.registry import get_engine, new_engine
from database.errors import SessionMisuseError
from database.models import Attempt, Base, ExperimentSeries
from database.session.lifecycle import SessionLocal, assert_idle, commit_part, get_session, scoped_session
from tests.integration.database.recorded_series import add, in_thread, series
from tests.integration.databases import on_sqlite


def names(session: Session) -> list[str]:
    return list(session.scalars(select(ExperimentSeries.name).order_by(ExperimentSeries.name)))


def recorded(url: str | None = None) -> list[str]:
    with scoped_session(read_only=True, url=url) as session:
        return names(session)


def test_read_only_stays_read_only_after_a_part(database_url: str) -> None:
    """Each part of a read-only scope is a snapshot of its own, and refuses writes."""
    with pytest.raises(DBAPIError), scoped_session(read_only=True) as session:
        assert names(session) == []
        commit_part(session)
        assert in_thread(lambda: add("a")) == []
        assert names(session) == ["a"]
        assert in_thread(lambda: add("b")) == []
        assert names(session) == ["a"]
        session.add(series("c"))
        session.flush()
    assert recorded() == ["a", "b"]


def test_read_only_part_of_a_writing_scope(database_url: str) -> None:
    """Inside a scope that writes, writes are refused by the database until the inner one ends."""
    with scoped_session() as session:
        session.add(series("before"))
        with scoped_session(read_only=True) as inner:
            assert names(inner) == ["before"]
        with (
            pytest.raises(DBAPIError),
            scoped_session(read_only=True),
            scoped_session(read_only=True),
            scoped_session() as innermost,
        ):
            innermost.add(series("refused"))
            innermost.flush()
        session.add(series("after"))
    assert recorded() == ["after", "before"]


def test_read_only_part_that_forgets_to_flush(database_url: str) -> None:
    """What is only added in a read-only part is refused at its end, not smuggled out."""
    with scoped_session() as session:
        with pytest.raises(DBAPIError), scoped_session(read_only=True):
            session.add(series("refused"))
        session.add(series("after"))
    assert recorded() == ["after"]


def test_read_only_part_leaves_the_write_lock(sqlite_url: str) -> None:
    """On SQLite a read-only part, before anything was written, lets others write."""
    with scoped_session() as session:
        with scoped_session(read_only=True) as inner:
            assert names(inner) == []
            assert in_thread(lambda: add("others")) == []
            assert names(inner) == []  # one snapshot
        assert names(session) == ["others"]
        session.add(series("ours"))
    assert recorded() == ["others", "ours"]


def test_read_only_part_that_was_left_open(database_url: str) -> None:
    """A connection that went back to the pool out of a read-only part takes writes again."""
    with (
        pytest.raises(SessionMisuseError, match="was closed"),
        scoped_session() as session,
        scoped_session(read_only=True),
    ):
        names(session)
        with pytest.raises(SessionMisuseError, match="was left open"):
            assert_idle("here")
    for _ in range(3):
        with scoped_session() as session:
            session.add(series("a"))
            session.flush()
            session.rollback()


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_isolation_level(database_url: str, level: str) -> None:
    """Above READ COMMITTED what others commit meanwhile is not seen; the level is the scope's only."""
    add("a")
    seen = []
    with scoped_session(isolation_level=level, read_only=level != "READ COMMITTED") as session:
        seen.append(names(session))
        assert in_thread(lambda: add("b")) == []
        seen.append(names(session))
    assert seen == [["a"], ["a", "b"] if level == "READ COMMITTED" else ["a"]]
    with scoped_session() as session:
        names(session)
        assert in_thread(lambda: add("c")) == []
        assert names(session) == ["a", "b", "c"]


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_isolated_read_then_write(database_url: str, level: str) -> None:
    """Isolated transactions that read and then write never lose an update: one waits, or fails."""
    add("counter")
    barrier = threading.Barrier(2, timeout=30)
    faults: list[BaseException] = []

    def count_up() -> None:
        barrier.wait()
        for _ in range(5):
            while True:
                try:
                    with scoped_session(isolation_level=level) as session:
                        found = session.scalars(select(ExperimentSeries)).one()
                        found.notes = str(int(found.notes or 0) + 1)
                    break
                except DBAPIError as error:
                    faults.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with scoped_session() as session:
        assert session.scalars(select(ExperimentSeries)).one().notes == "10"
    assert all(is_transient(fault) for fault in faults)


@on_sqlite
def test_unknown_isolation_level(database_url: str) -> None:
    """A level that does not exist is refused with those that do."""
    every = "READ COMMITTED, REPEATABLE READ, SERIALIZABLE"
    with pytest.raises(SessionMisuseError, match=every), scoped_session(isolation_level="SNAPSHOT"):
        pass


@on_sqlite
def test_isolation_level_inside_a_scope(database_url: str) -> None:
    """A transaction's level cannot be raised inside it; an equal or lower one is had already."""
    with scoped_session(isolation_level="REPEATABLE READ"):
        with scoped_session(isolation_level="READ COMMITTED"), scoped_session(read_only=True):
            pass
        message = r"opened at .*test_scopes\.py:\d+, which has REPEATABLE READ; set it there"
        with pytest.raises(SessionMisuseError, match=message), scoped_session(isolation_level="SERIALIZABLE"):
            pass


def test_begin_nested_inside_a_scope(database_url: str) -> None:
    """session.begin_nested() is a savepoint: an inner failure undoes the inner part only."""
    with scoped_session() as session:
        session.add(series("kept"))
        with pytest.raises(RuntimeError), session.begin_nested():
            session.add(series("undone"))
            session.flush()
            raise RuntimeError
    assert recorded() == ["kept"]


@on_sqlite
def test_scope_on_another_database(database_url: str, tmp_path: Path) -> None:
    """url= opens a transaction of its own on another database, also inside one on the first."""
    other = f"sqlite:///{tmp_path / 'ändere db' / 'other.db'}"
    with scoped_session() as session:
        session.add(series("here"))
        session.flush()
        with scoped_session(url=other) as theirs:
            assert theirs is not session
            theirs.add(series("there"))
            with scoped_session() as joined, scoped_session(url=other) as joined_by_name:
                assert joined is joined_by_name is theirs
            with scoped_session(url=database_url) as outer:
                assert outer is session
        with pytest.raises(RuntimeError), scoped_session(url=other) as theirs:
            theirs.add(series("undone"))
            raise RuntimeError
        with scoped_session() as inner:
            assert inner is session
    assert (recorded(), recorded(other)) == (["here"], ["there"])


@on_sqlite
def test_scope_on_an_engine(database_url: str, tmp_path: Path) -> None:
    """engine= takes an engine of the caller's, which is left open."""
    engine = new_engine(f"sqlite:///{tmp_path / 'other.db'}")
    Base.metadata.create_all(engine)
    with scoped_session(engine=engine) as session:
        session.add(series("there"))
    with scoped_session(engine=engine) as session:
        assert names(session) == ["there"]
    assert recorded() == []
    engine.dispose()


@on_sqlite
def test_one_database_is_named(database_url: str) -> None:
    """url= and engine= together are refused: one of them would be ignored."""
    with (
        pytest.raises(SessionMisuseError, match="not both"),
        scoped_session(url=database_url, engine=get_engine()),
    ):
        pass


@on_sqlite
def test_another_database_does_not_mix(database_url: str, tmp_path: Path) -> None:
    """A busy global session on one database is no reason to warn of a scope on another."""
    names(get_session())
    with scoped_session(url=f"sqlite:///{tmp_path / 'other.db'}") as session:
        session.add(series("there"))


@on_sqlite
def test_models_bound_to_another_database(database_url: str, tmp_path: Path) -> None:
    """SessionLocal(binds=...) sends each model to its database; one commit writes to both."""
    other = f"sqlite:///{tmp_path / 'other.db'}"
    with SessionLocal(binds={ExperimentSeries: other}) as session:
        session.add(series("there"))
        session.commit()
        assert session.get_bind(ExperimentSeries) is get_engine(other)
        assert session.get_bind(Attempt) is get_engine(database_url)
        assert session.scalar(select(func.count()).select_from(Attempt)) == 0
    assert (recorded(), recorded(other)) == ([], ["there"])


def test_explicit_bind_opens_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SessionLocal(bind=...) never opens, or makes, the database of this process."""
    monkeypatch.chdir(tmp_path)
    engine = get_engine(f"sqlite:///{tmp_path / 'mine.db'}")
    with SessionLocal(bind=engine) as session:
        assert names(session) == []
    with scoped_session(engine=engine) as scope:
        assert names(scope) == []
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix in {"", ".db"}) == ["mine.db"]


@on_sqlite
def test_configure_moves_the_process(database_url: str, tmp_path: Path) -> None:
    """configure(url) decides for everything opened from then on, and back again."""
    add("here")
    engines.configure(f"sqlite:///{tmp_path / 'other.db'}")
    add("there")
    assert recorded() == ["there"]
    engines.configure(database_url)
    assert recorded() == ["here"]
