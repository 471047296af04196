"""What ends a session, and what is refused because it would end another one's work."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from database.engine.registry import configure, get_engine
from database.engine.usage_warnings import SessionWarning
from database.errors import SessionMisuseError
from database.session.lifecycle import SessionLocal, close_global_session, get_session, scoped_session
from database.session.thread_sessions import thread_session
from tests.integration.database.recorded_series import add, in_thread, names, series
from tests.integration.databases import on_sqlite


@on_sqlite
@pytest.mark.parametrize("method", ["commit", "rollback", "close", "reset", "begin"])
def test_inner_scope_cannot_end_the_outer_one(database_url: str, method: str) -> None:
    """What would commit or undo the outer part from an inner scope is refused, with both places."""

    def inner() -> None:
        with scoped_session() as session:
            session.add(series("inner"))
            session.flush()
            getattr(session, method)()

    def outer() -> None:
        with scoped_session() as session:
            session.add(series("outer"))
            session.flush()
            inner()

    message = rf"session\.{method}\(\) at .*test_usage_warnings.* opened at .*test_usage_warnings"
    with pytest.raises(SessionMisuseError, match=message):
        outer()
    assert names() == []


@on_sqlite
@pytest.mark.parametrize("method", ["close", "reset", "begin"])
def test_scope_is_ended_by_its_block_only(database_url: str, method: str) -> None:
    """Closing a scope's session, or beginning a transaction inside it, is refused; nothing is half done."""
    with pytest.raises(SessionMisuseError, match=rf"session\.{method}\(\)"), scoped_session() as session:
        session.add(series("a"))
        getattr(session, method)()
    assert names() == []


def test_rollback_in_a_scope(database_url: str) -> None:
    """rollback() in an outermost scope undoes what it did so far; inside a savepoint it is refused."""
    add("taken")
    with scoped_session() as session:
        session.add(series("taken"))
        with pytest.raises(IntegrityError):
            session.flush()
        session.rollback()
        session.add(series("kept"))
        with pytest.raises(SessionMisuseError, match="begin_nested"), session.begin_nested():
            session.rollback()
    assert names() == ["kept", "taken"]


@on_sqlite
@pytest.mark.parametrize("pattern", ["scoped_session()", "get_session()", "thread_session()"])
def test_closed_session_stays_closed(database_url: str, pattern: str) -> None:
    """A session that was closed refuses to be used, and says which it was; closing it again is harmless."""
    if pattern == "scoped_session()":
        with scoped_session() as session:
            pass
    else:
        session = get_session() if pattern == "get_session()" else thread_session()
        session.close()
    for use in (
        lambda: session.add(series("lost")),
        session.commit,
        session.flush,
        session.begin,
        lambda: session.scalar(select(1)),
    ):
        with pytest.raises(SessionMisuseError, match=rf"session of {pattern[:-2]}\(\) at .*was closed"):
            use()
    session.close()
    session.rollback()
    if pattern != "scoped_session()":  # the next call gives a new one
        again = get_session() if pattern == "get_session()" else thread_session()
        assert again is not session
        again.add(series("kept"))
        again.commit()
        thread_session.remove()
        assert names() == ["kept"]


@on_sqlite
def test_configure_inside_a_scope(database_url: str) -> None:
    """Another database cannot become the process's in the middle of a scope on the first one."""
    with scoped_session():
        configure(database_url)  # the same one
        with pytest.raises(SessionMisuseError, match="sets another database inside the scoped_session"):
            configure("sqlite:///other.db")
    with scoped_session(url=database_url):
        configure(database_url)


@on_sqlite
def test_configure_beside_a_thread_session(database_url: str, tmp_path: Path) -> None:
    """A thread session in mid-transaction is not left behind without a word by configure()."""
    thread_session().add(series("a"))
    thread_session().flush()
    configure(f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(SessionMisuseError, match=r"commit it and call thread_session\.remove\(\) first"):
        thread_session()
    with pytest.warns(SessionWarning, match="thread_session.* ended with work that was not committed"):
        thread_session.remove()
    configure(database_url)


@on_sqlite
def test_closing_the_global_session_of_another_thread(database_url: str) -> None:
    """Only the thread that opened the global session closes it, as long as that thread lives."""
    get_session().add(series("a"))
    [error] = in_thread(close_global_session)
    assert isinstance(error, SessionMisuseError)
    assert "'MainThread' has not committed" in str(error)
    get_session().commit()
    close_global_session()
    assert in_thread(get_session) == []
    close_global_session()  # that thread has ended
    assert names() == ["a"]


@on_sqlite
@pytest.mark.filterwarnings("ignore::database.engine.usage_warnings.SessionWarning")
def test_closing_the_global_session_inside_a_scope(database_url: str) -> None:
    """A scope goes on with its engine, and is still joined, when the global session is closed inside it."""
    with scoped_session() as session:
        session.add(series("a"))
        session.flush()
        engine = get_engine()
        get_session()
        close_global_session()
        assert get_engine() is engine
        with scoped_session(url=database_url) as inner:
            assert inner is session
    assert names() == ["a"]


def test_second_writer_by_another_name_of_the_file(sqlite_url: str, tmp_path: Path) -> None:
    """A file is one file by whichever link: the thread that would deadlock gets an error at once."""
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    (tmp_path / "link é").symlink_to(file.parent)
    with scoped_session() as session:
        session.add(series("a"))
        session.flush()
        with (
            pytest.raises(SessionMisuseError, match="it would deadlock"),
            scoped_session(url=f"sqlite:///{tmp_path / 'link é' / file.name}") as other,
        ):
            other.add(series("b"))
    assert names() == ["a"]


def test_plain_session_on_a_named_database(database_url: str, tmp_path: Path) -> None:
    """SessionLocal(bind=...) takes a URL too."""
    with SessionLocal(bind=f"sqlite:///{tmp_path / 'other.db'}") as session:
        session.add(series("there"))
        session.commit()
    assert names() == []
