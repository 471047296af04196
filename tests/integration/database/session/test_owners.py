"""Whose a scope is: not that of a suspended generator, another task or another thread."""

from __future__ import annotations

import asyncio
import gc
import re
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from database.errors import SessionMisuseError
from database.models import ExperimentSeries
from database.session.lifecycle import (
    SessionWarning,
    commit_part,
    get_session,
    scoped_session,
)
from database.session.scopes import thread_state
from database.session.thread_sessions import thread_session
from database.session.transactions import run_in_transaction, transactional
from tests.integration.database.recorded_series import add, in_thread, names, series
from tests.integration.databases import on_sqlite


def rows() -> Iterator[str]:
    """Yield names in the middle of a scope."""
    with scoped_session() as session:
        yield from session.scalars(select(ExperimentSeries.name).order_by(ExperimentSeries.name)).all()


SUSPENDED = (
    r"(recorded_series|test_owners)\.py:\d+ would join the one at .*test_owners\.py:\d+, "
    "which belongs to a generator"
)


@on_sqlite
@pytest.mark.parametrize("inside", [False, True])
def test_suspended_generator_is_not_joined(database_url: str, inside: bool) -> None:
    """What the caller of a suspended generator writes is never a part of the generator's scope."""
    add("a")

    def copy() -> None:
        for name in rows():
            add(f"copy of {name}")
            break

    def copy_in_a_scope() -> None:
        with scoped_session():
            copy()

    work = copy_in_a_scope if inside else copy
    with pytest.raises(SessionMisuseError, match=SUSPENDED):
        work()
    gc.collect()
    add("after")
    assert names() == ["a", "after"]


@on_sqlite
@pytest.mark.parametrize("use", ["transactional", "run_in_transaction", "a second generator"])
def test_suspended_generator_is_not_joined_by_other_patterns(database_url: str, use: str) -> None:
    """Whatever opens a scope is told."""

    @transactional
    def write(session: Session) -> None:
        session.add(series("b"))

    add("a")
    suspended = rows()
    next(suspended)
    uses = {
        "transactional": write,
        "run_in_transaction": lambda: run_in_transaction(lambda session: session.add(series("b"))),
        "a second generator": lambda: next(rows()),
    }
    with pytest.raises(SessionMisuseError, match=SUSPENDED):
        uses[use]()
    suspended.close()
    add("after")
    assert names() == ["a", "after"]


@on_sqlite
def test_generator_joins_its_own_scopes(database_url: str) -> None:
    """Functions that a generator calls while it runs are part of its scope, and so are its own scopes."""

    def work() -> Iterator[None]:
        with scoped_session() as session:
            add("one")
            yield
            with scoped_session() as inner:
                assert inner is session
                add("two")

    list(work())
    assert names() == ["one", "two"]


@on_sqlite
def test_context_managers_are_no_generators(database_url: str) -> None:
    """A scope inside @contextmanager, an ExitStack or a class is that of the block that uses it."""

    @contextmanager
    def managed() -> Iterator[Session]:
        with scoped_session() as session:
            yield session

    class Managed:
        def __enter__(self) -> Session:
            self.scope = managed()
            return self.scope.__enter__()

        def __exit__(self, *error: object) -> None:
            self.scope.__exit__(None, None, None)

    def use_all() -> Iterator[None]:
        with managed() as first, ExitStack() as stack, Managed() as last:
            assert stack.enter_context(managed()) is first is last
            add("by all")
            yield

    next(iter(lambda: list(use_all()), None))
    with managed():
        add("by one")
    assert names() == ["by all", "by one"]


@pytest.fixture
def scope_of_a_fixture(database_url: str) -> Iterator[Session]:
    """Open a scope around the test."""
    with scoped_session() as session:
        yield session


@on_sqlite
def test_scope_of_a_fixture_is_joined(scope_of_a_fixture: Session) -> None:
    """A scope that a fixture holds open is joined by the test's."""
    with scoped_session() as session:
        assert session is scope_of_a_fixture


@on_sqlite
def test_outer_scope_ends_before_an_inner_one(database_url: str) -> None:
    """A scope that ends while a suspended generator has one inside it open is told, and undone."""
    add("a")
    suspended = rows()
    with pytest.raises(SessionMisuseError, match="is still open in a generator"), scoped_session() as session:
        session.add(series("b"))
        next(suspended)
    with pytest.raises(SessionMisuseError, match="was closed"):
        list(suspended)
    add("after")
    assert names() == ["a", "after"]


@on_sqlite
def test_tasks_have_scopes_of_their_own(database_url: str) -> None:
    """A scope of another task is not joined: each commits and fails by itself."""

    async def fail(opened: asyncio.Event, go_on: asyncio.Event) -> None:
        with pytest.raises(RuntimeError), scoped_session() as session:
            assert session.scalar(select(1)) == 1
            opened.set()
            await go_on.wait()
            session.add(series("undone"))
            raise RuntimeError

    async def write(opened: asyncio.Event, go_on: asyncio.Event) -> None:
        await opened.wait()
        add("kept")
        go_on.set()

    async def both() -> None:
        events = asyncio.Event(), asyncio.Event()
        await asyncio.gather(fail(*events), write(*events))

    asyncio.run(both())
    assert names() == ["kept"]


@on_sqlite
def test_session_of_another_task(database_url: str) -> None:
    """A session of a scope is refused to another task, and a scope around the loop to interleaved ones."""

    async def use(session: Session) -> None:
        with pytest.raises(SessionMisuseError, match="belongs to the task that opened it"):
            session.scalar(select(1))

    async def own() -> None:
        with scoped_session() as session:
            await asyncio.create_task(use(session))
            session.add(series("kept"))

    async def hold(opened: asyncio.Event, go_on: asyncio.Event) -> None:
        with scoped_session():
            opened.set()
            await go_on.wait()

    async def interleave() -> None:
        opened, go_on = asyncio.Event(), asyncio.Event()
        holding = asyncio.create_task(hold(opened, go_on))
        await opened.wait()
        with pytest.raises(SessionMisuseError, match=SUSPENDED):
            add("in the middle of the other")
        go_on.set()
        await holding

    asyncio.run(own())
    with scoped_session():
        asyncio.run(interleave())
    assert names() == ["kept"]


@on_sqlite
def test_async_context_manager(database_url: str) -> None:
    """A scope inside @asynccontextmanager is that of the coroutine that uses it."""

    @asynccontextmanager
    async def managed() -> AsyncIterator[Session]:
        with scoped_session() as session:
            yield session

    async def use() -> None:
        async with managed() as session:
            await asyncio.sleep(0)
            with scoped_session() as inner:
                assert inner is session
            add("a")

    asyncio.run(use())
    assert names() == ["a"]


@on_sqlite
@pytest.mark.parametrize("ending", ["close", "go on"])
def test_generator_ended_by_another_thread(database_url: str, ending: str) -> None:
    """A scope that another thread ends is rolled back, and its owner's next one is a new one."""

    def work() -> Iterator[None]:
        with scoped_session() as session:
            session.add(series("undone"))
            session.flush()
            yield

    suspended = work()
    next(suspended)
    raised = in_thread(suspended.close if ending == "close" else lambda: next(suspended, None))
    assert [type(error) for error in raised] == ([] if ending == "close" else [SessionMisuseError])
    assert thread_state.scopes == []
    add("after")
    assert names() == ["after"]


#: What of a session changes nothing: any thread may call it.
READS = {
    *(
        "bind",
        "dirty",
        "deleted",
        "dispatch",
        "execution_options",
        "identity_key",
        "identity_map",
        "info",
        "new",
    ),
    *("get_bind", "get_nested_transaction", "get_transaction", "in_nested_transaction", "in_transaction"),
    *("bind_mapper", "bind_table", "connection_callable", "is_active", "is_modified", "no_autoflush"),
    *("object_session", "query", "autoflush", "autobegin", "enable_baked_queries", "expire_on_commit"),
    *("hash_key", "join_transaction_mode", "twophase", "close_all"),
}


def calls(session: Session, one: ExperimentSeries) -> dict[str, Callable[[], object]]:
    """Return a call of each public method of SQLAlchemy's sessions that is not only a read."""
    statement = select(ExperimentSeries)
    arguments: dict[str, tuple[object, ...]] = {
        **dict.fromkeys(("add", "delete", "expunge", "expire", "refresh", "merge"), (one,)),
        **dict.fromkeys(("add_all", "delete_all", "merge_all", "bulk_save_objects"), ([one],)),
        **dict.fromkeys(("execute", "scalar", "scalars"), (statement,)),
        **dict.fromkeys(("get", "get_one"), (ExperimentSeries, 1)),
        **dict.fromkeys(("bulk_insert_mappings", "bulk_update_mappings"), (ExperimentSeries, [])),
        "enable_relationship_loading": (one,),
    }
    names = {name for name in dir(Session) if not name.startswith("_")} - READS
    return {name: partial(getattr(session, name), *arguments.get(name, ())) for name in sorted(names)}


def check_refused(session: Session, refused: str, use: Callable[[Callable[[], object]], object]) -> None:
    """Check that each method is refused to who `use` calls it as, and that it has changed nothing."""
    one = series("flushed")
    session.add(one)
    session.flush()
    session.add(series("new"))
    for name, call in calls(session, one).items():
        with pytest.raises(SessionMisuseError, match=refused) as told:
            use(call)
        assert "test_owners.py" in str(told.value), name
        assert [row.name for row in session.new] == ["new"], name
        assert one in session and not inspect(one).expired, name  # noqa: PT018 - one state
    assert names() == []


def raised_in_thread(call: Callable[[], object]) -> None:
    for error in in_thread(call):
        raise error


@pytest.mark.parametrize("pattern", ["scoped_session()", "get_session()", "thread_session()"])
def test_another_thread_changes_nothing(database_url: str, pattern: str) -> None:
    """Whatever another thread does with a session is refused before anything of the owner's is touched."""
    refused = re.escape(f"session of {pattern}") + ".* is used by the thread 'helper'"
    if pattern == "scoped_session()":
        with scoped_session() as session:
            check_refused(session, refused, raised_in_thread)
            [error] = in_thread(lambda: commit_part(session))
            assert isinstance(error, SessionMisuseError)
            [error] = in_thread(lambda: session.query(ExperimentSeries).all())
            assert isinstance(error, SessionMisuseError)
    else:
        session = get_session() if pattern == "get_session()" else thread_session()
        check_refused(session, refused, raised_in_thread)
        session.commit()
        thread_session.remove()
    assert names() == ["flushed", "new"]


@on_sqlite
def test_another_task_changes_nothing(database_url: str) -> None:
    """Nor does another task of asyncio with the session of a scope."""

    async def own() -> None:
        with scoped_session() as session:
            one = series("flushed")
            session.add(one)
            session.flush()
            session.add(series("new"))
            for name, call in calls(session, one).items():

                async def use(call: Callable[[], object] = call) -> None:
                    call()

                with pytest.raises(SessionMisuseError, match="belongs to the task that opened it"):
                    await asyncio.create_task(use())
                assert [row.name for row in session.new] == ["new"], name
                assert one in session, name

    asyncio.run(own())
    assert names() == ["flushed", "new"]


@on_sqlite
@pytest.mark.parametrize("pattern", [get_session, thread_session])
def test_tasks_that_share_a_transaction(database_url: str, pattern: Callable[[], Session]) -> None:
    """A task that uses the global session in another task's transaction is told, with both names; once."""

    async def begin(name: str, begun: asyncio.Event, go_on: asyncio.Event) -> None:
        pattern().add(series(name))
        begun.set()
        await go_on.wait()
        pattern().commit()

    async def use(name: str, begun: asyncio.Event, go_on: asyncio.Event) -> None:
        await begun.wait()
        pattern().add(series(name))
        pattern().flush()
        go_on.set()

    async def both() -> None:
        events = asyncio.Event(), asyncio.Event()
        tasks = [
            asyncio.create_task(begin("a", *events), name="the first"),
            asyncio.create_task(use("b", *events), name="the second"),
        ]
        await asyncio.gather(*tasks)

    async def one_after_the_other() -> None:
        for name in ("c", "d"):
            events = asyncio.Event(), asyncio.Event()
            events[1].set()
            await asyncio.create_task(begin(name, *events))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(one_after_the_other())
    with pytest.warns(SessionWarning, match="task 'the first' and is used by the task 'the second'") as told:
        asyncio.run(both())
    assert len(told) == 1
    thread_session.remove()
    assert names() == ["a", "b", "c", "d"]
