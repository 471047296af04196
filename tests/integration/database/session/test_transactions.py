"""Functions as transactions, and their retries, on both databases."""

from __future__ import annotations

import functools
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from database.errors import SessionMisuseError
from database.models import ExperimentSeries
from database.session.lifecycle import scoped_session
from database.session.transactions import run_in_transaction, transactional
from tests.integration.database.recorded_series import series


@transactional
def add(session: Session, name: str, *, fail: bool = False) -> str:
    """Record a series."""
    session.add(series(name))
    session.flush()
    if fail:
        raise RuntimeError(name)
    return name


@transactional(read_only=True)
def recorded(session: Session) -> list[str]:
    return list(session.scalars(select(ExperimentSeries.name).order_by(ExperimentSeries.name)))


@transactional(read_only=True)
def add_read_only(session: Session, name: str) -> None:
    session.add(series(name))


def test_transactional(database_url: str) -> None:
    """The function is one transaction, gets its session, and returns what it returns."""
    assert add("a") == "a"
    with pytest.raises(RuntimeError):
        add("b", fail=True)
    assert recorded() == ["a"]
    assert (add.__name__, add.__doc__) == ("add", "Record a series.")


def test_transactional_joins_as_savepoint(database_url: str) -> None:
    """Called inside a scope or another such function, it undoes its own part only."""

    @transactional
    def outer(session: Session) -> None:
        session.add(series("outer"))
        with pytest.raises(RuntimeError):
            add("undone", fail=True)
        add("inner")
        with scoped_session() as scope:
            assert scope is session

    outer()
    assert recorded() == ["inner", "outer"]
    with pytest.raises(RuntimeError), scoped_session():
        add("also undone")
        raise RuntimeError
    assert recorded() == ["inner", "outer"]


def test_transactional_read_only(database_url: str) -> None:
    """The database itself refuses writes, alone and inside a writing scope."""
    with pytest.raises(DBAPIError):
        add_read_only("a")
    with scoped_session():
        add("b")
        with pytest.raises(DBAPIError):
            add_read_only("c")
        assert recorded() == ["b"]
    assert recorded() == ["b"]


def test_transactional_options(database_url: str, tmp_path: object) -> None:
    """The isolation level and the database are those of the decorator."""
    other = f"sqlite:///{tmp_path}/other.db"

    @transactional(isolation_level="SERIALIZABLE")
    def level(session: Session) -> object:
        if session.get_bind().dialect.name == "sqlite":
            return "serializable"
        return session.scalar(text("SHOW transaction_isolation"))

    @transactional(url=other)
    def place(session: Session) -> str:
        return session.get_bind().engine.url.render_as_string()

    assert level() == "serializable"
    assert place() == other


def test_transactional_is_told_when_it_cannot_work() -> None:
    """A function that runs after its call, or cannot take a session first, is refused at once."""

    def generator(session: Session) -> Iterator[int]:
        yield 1

    async def coroutine(session: Session) -> None: ...

    def nothing() -> None: ...

    class Holder:
        def method(self, session: Session) -> None: ...

    async def async_generator(session: Session) -> AsyncIterator[int]:
        yield 1

    for function in (generator, coroutine, async_generator, functools.partial(generator)):
        with pytest.raises(SessionMisuseError, match="runs after the call"):
            transactional(function)

    def only_by_name(*, session: Session) -> None: ...

    for function in (nothing, only_by_name):
        with pytest.raises(SessionMisuseError, match="must be the session"):
            transactional(function)  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(SessionMisuseError, match="takes a function, not 'x'"):
        transactional("x")  # type: ignore[call-overload]  # that is the mistake
    with pytest.raises(SessionMisuseError, match="arrive as self"):
        transactional(Holder.method)  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(SessionMisuseError, match="call it without one"), Session() as session:
        add(session, "a")  # type: ignore[call-arg,arg-type]  # that is the mistake
    with pytest.raises(SessionMisuseError, match="call it without one"):
        add("a", session=None)  # type: ignore[call-arg]  # that is the mistake


def test_result_that_runs_later(database_url: str) -> None:
    """A function that returns a generator or a coroutine is told, and what it did is undone."""

    def later(session: Session) -> Iterator[str]:
        session.add(series("undone"))
        return (name for name in session.scalars(select(ExperimentSeries.name)))

    async def nothing() -> None: ...

    async def numbers() -> AsyncIterator[int]:
        yield 1

    for function in (later, lambda _session: nothing(), lambda _session: numbers()):
        with pytest.raises(SessionMisuseError, match="runs after the call"):
            transactional(function)()
    assert recorded() == []


def test_whatever_can_be_called(database_url: str) -> None:
    """Partials and objects that can be called are functions too."""

    class Adder:
        def __call__(self, session: Session, name: str) -> None:
            session.add(series(name))

    transactional(Adder())("by an object")
    transactional(functools.partial(lambda session, name: session.add(series(name)), name="by a partial"))()
    assert recorded() == ["by a partial", "by an object"]


def test_run_in_transaction_passes_on(database_url: str) -> None:
    """Arguments by name reach the function; read_only=True is the scope's, a write is refused at once."""
    tries = []

    def work(session: Session, first: str, *, second: str) -> tuple[str, str]:
        tries.append(first)
        session.add(series(first))
        return first, second

    assert run_in_transaction(work, "a", second="b") == ("a", "b")
    with pytest.raises(DBAPIError):
        run_in_transaction(work, "c", second="d", read_only=True)
    assert recorded() == ["a"]
    assert tries == ["a", "c"]


def busy() -> OperationalError:
    fault = sqlite3.OperationalError("database is locked")
    fault.sqlite_errorname = "SQLITE_BUSY"
    return OperationalError("UPDATE", {}, fault)


def test_run_in_transaction_repeats(database_url: str) -> None:
    """A transient fault undoes the try and repeats it with a new session; the last one counts."""
    tries: list[Session] = []

    def work(session: Session, name: str, count: int) -> int:
        session.add(series(name))
        session.flush()
        tries.append(session)
        if len(tries) < count:
            raise busy()
        return count

    assert run_in_transaction(work, "a", 3) == 3
    assert len(set(map(id, tries))) == 3
    assert recorded() == ["a"]


def test_run_in_transaction_gives_up(database_url: str) -> None:
    """A fault that does not pass, and the last one at the deadline, are passed on."""
    tries = []

    def always(session: Session) -> None:
        tries.append(session)
        raise busy()

    with pytest.raises(OperationalError):
        run_in_transaction(always, deadline_s=0.0)
    assert len(tries) <= 2
    add("taken")
    tries.clear()

    def clash(session: Session) -> None:
        tries.append(session)
        session.add(series("taken"))

    with pytest.raises(IntegrityError):
        run_in_transaction(clash)
    assert len(tries) == 1


def test_run_in_transaction_inside_a_scope(database_url: str) -> None:
    """Inside a scope there is one try, undone to its savepoint: only the outer one could be repeated."""
    tries = []

    def work(session: Session) -> None:
        tries.append(session)
        session.add(series("inner"))
        session.flush()
        raise busy()

    with scoped_session() as session:
        session.add(series("outer"))
        with pytest.raises(OperationalError):
            run_in_transaction(work)
    assert tries == [session]
    assert recorded() == ["outer"]


def test_serializable_counting(database_url: str) -> None:
    """Threads that read, then write, at SERIALIZABLE lose nothing: real conflicts are repeated."""
    add("counter")
    barrier = threading.Barrier(4, timeout=30)

    def count_up(session: Session) -> None:
        found = session.scalars(select(ExperimentSeries)).one()
        found.notes = str(int(found.notes or 0) + 1)

    def work() -> None:
        barrier.wait()
        for _ in range(5):
            run_in_transaction(count_up, isolation_level="SERIALIZABLE")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with scoped_session() as session:
        assert session.scalars(select(ExperimentSeries.notes)).one() == "20"
