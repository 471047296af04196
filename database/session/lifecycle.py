"""The patterns of sessions, and where to use each.

=========================================  ==============================================
worker processes, long loops               `get_session` ... `close_global_session`
meta scripts, commands                     ``with scoped_session() as session:``
functions                                  `database.session.transactions.transactional`
pools of threads                           `database.session.thread_sessions.thread_session`
anything else                              `SessionLocal`: a plain new session
=========================================  ==============================================

Use one pattern per module. There is one global session per process; it belongs to the thread
that opened it; it is committed explicitly, expires its objects at each commit and reads them again at each
query, because it must see what others changed. A scoped session is one transaction; its objects can be read
after it closed.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import util as multiprocessing_util
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.orm import ORMExecuteState, Session

from database.engine import registry as engines
from database.engine.call_site import caller_location
from database.engine.instrumented_session import InstrumentedSession
from database.engine.registry import configure, get_engine
from database.engine.usage_warnings import SessionWarning, warn_once
from database.engine.wrong_use import check_engine, check_given, opens_block, opens_session, takes_session
from database.errors import SessionMisuseError
from database.session.isolation_levels import Isolation
from database.session.scope_opener import Opener
from database.session.scopes import ScopedSession, forget_scopes, innermost_scope, joined, thread_state
from database.session.thread_bound_session import ThreadBoundSession, roll_back
from database.settings import normalise_url

__all__ = [
    "SessionLocal",
    "SessionWarning",
    "assert_idle",
    "close_global_session",
    "commit_part",
    "configure",
    "get_session",
    "scoped_session",
    "snapshot",
]


_global: ThreadBoundSession | None = None
_of_requests: list[Callable[[], ThreadBoundSession | None]] = []
#: What the session of each pattern is called, and whose it is.
_KINDS = {"get_session()": ("global session", "thread"), "g.db": ("session", "request")}
_lock = threading.RLock()


@opens_session("with SessionLocal() as session:")
def SessionLocal(**options: Any) -> Session:  # noqa: N802 - the name that SQLAlchemy users know
    """Return a plain new session on this process's engine; the caller commits and closes it.

    Parameters
    ----------
    **options
        Passed to `sqlalchemy.orm.Session`. In `bind`, and in `binds`, which gives model classes other
        databases, a database may be given by its URL.
    """
    if options.get("binds") is not None:
        check_given("SessionLocal(binds=...) takes a mapping of models to engines", options["binds"], Mapping)
        options["binds"] = {entity: _bind_of("binds", bind) for entity, bind in options["binds"].items()}
    options["bind"] = _bind_of("bind", options.get("bind"))
    return InstrumentedSession(**options)


def _bind_of(name: str, given: Any) -> Engine | Connection:
    if given is None or isinstance(given, str | URL):
        return get_engine(given)
    check_engine(f"SessionLocal({name}=...)", given, Connection)
    return given  # type: ignore[no-any-return]


@opens_block("with scoped_session() as session:")
def scoped_session(
    *,
    read_only: bool = False,
    isolation_level: str | None = None,
    url: str | URL | None = None,
    engine: Engine | None = None,
) -> Iterator[Session]:
    """Run one transaction: commit on success, roll back on any exception, always close.

    Inside another scope of the same thread it is a savepoint of that one: an exception that is
    caught between the two undoes only the inner part.

    Parameters
    ----------
    read_only : bool
        One consistent snapshot; the database itself refuses writes, and is not made where there is none.
        Inside another scope it reads what that one reads, and writes are refused until it ends.
    isolation_level : str, optional
        One of `database.session.isolation_levels.LEVELS`; by default READ COMMITTED.
    url : str or URL, optional
        Another database for this block: a separate transaction, also inside a scope on the first.
    engine : Engine, optional
        The same, given as an engine from `database.engine`.

    Yields
    ------
    Session
        Its objects can still be read after the scope has closed.

    Raises
    ------
    DatabaseMissingError
        There is no such database, and the scope only reads.
    SessionMisuseError
        The outer scope has a weaker isolation level than `isolation_level`; there is no such level;
        two databases were given.
    """
    if engine is not None:
        check_engine("scoped_session(engine=...)", engine)
    if url is not None and engine is not None:
        raise SessionMisuseError("scoped_session() takes url= or engine=, not both")
    isolation = Isolation(isolation_level, read_only)
    wanted = None if url is None else normalise_url(url)
    outer = innermost_scope(wanted, engine)
    if outer is not None:
        outer.check_joinable()
        yield from joined(outer, isolation)
        return
    chosen = engine or get_engine(wanted, create=not read_only)
    warn_if_mixed("scoped_session()", chosen)
    scope = ScopedSession(
        chosen, isolation, Opener.here(), by_engine=engine is not None, by_url=url is not None
    )
    scopes = thread_state.scopes  # those of the opening thread, whichever thread ends the block
    scopes.append(scope)
    try:
        yield scope
        scope.check_usable()
        scope.check_finished()
        Session.commit(scope)  # the scope's own commit() would raise or warn
    except BaseException:
        if not scope.is_inherited:  # the parent's stays open
            scope.give_up()
        raise
    finally:
        if scope in scopes:  # otherwise `assert_idle` has rolled it back
            scopes.remove(scope)
    scope.is_open = False
    scope.close()


def warn_if_mixed(pattern: str, engine: Engine, opened: Session | None = None) -> None:
    """Warn once when a pattern is used beside another one of this thread or request on the same database.

    Parameters
    ----------
    pattern : str
        The call that is made.
    engine : Engine
        Of its database.
    opened : Session, optional
        What it returns, if that is open already.
    """
    scope = innermost_scope(None, engine)
    if scope is not None:
        warn_once(
            "mixed",
            f"{pattern} at {caller_location()} was called inside the scoped_session() opened at "
            f"{scope.opened_at}; neither sees the other's uncommitted changes. Use the scope's session",
        )
    of_requests = (session for current in _of_requests if (session := current()) and session.in_transaction())
    for other in (*_in_transaction(), *of_requests):
        if other is not opened and other.url == engine.url:
            kind, whose = _KINDS.get(other.pattern, ("session", "thread"))
            warn_once(
                "mixed",
                f"{pattern} at {caller_location()} was called while the {kind} of this {whose} "
                f"({other.pattern} at {other.opened_at}) is in a transaction; neither sees the other's "
                f"uncommitted changes. Commit the {kind} first",
            )


@takes_session
def commit_part(session: Session) -> None:
    """Commit what a long bulk job has written so far, so that no other writer waits long.

    Inside a nested scope nothing is committed: the outer scope commits the whole.
    """
    if isinstance(session, ScopedSession):
        session.check_usable()
        if not session.inner:
            ThreadBoundSession.commit(session)
        return
    session.commit()


@takes_session
@contextmanager
def snapshot(session: Session) -> Iterator[None]:
    """Make `session` read one snapshot until the end of the block.

    What was done on `session` before is committed, and the block is a read-only transaction of its own:
    REPEATABLE READ on PostgreSQL, one read transaction on SQLite. Every read within it sees the database
    as it was at the first one, whatever others commit meanwhile, and writes are refused. Inside a nested
    scope nothing is committed, and it reads what the outer scope reads.

    Parameters
    ----------
    session : Session
        Of any pattern. Objects that it has loaded may be expired.
    """
    commit_part(session)
    if not session.in_transaction():
        dialect = session.get_bind().dialect.name
        session.connection(execution_options=Isolation(read_only=True).options(dialect))
    yield
    commit_part(session)


@opens_session("session = get_session()")
def get_session() -> Session:
    """Return the one session of this process, opened on first use.

    Commit it explicitly, and close it in ``finally`` with `close_global_session`. A query of models returns
    what is recorded now, also into objects that were read before. A forked or spawned child never sees its
    parent's.

    Raises
    ------
    SessionMisuseError
        It was opened by another thread.
    """
    global _global  # noqa: PLW0603 - this function sets it
    with _lock:
        if _global is not None and _global.url != engines.current_url():
            _close_for_another_database(_global)
        if _global is None or _global.is_closed:
            _global = ThreadBoundSession(get_engine(), pattern="get_session()", opened_at=caller_location())
            event.listen(_global, "do_orm_execute", _read_again)
            # In a fork or forkserver child before Python 3.13 atexit never runs; Finalize does.
            multiprocessing_util.Finalize(None, _close_forgotten, exitpriority=100)
            atexit.unregister(_close_forgotten)
            atexit.register(_close_forgotten)
        opened = _global
    if opened.owner is not threading.current_thread():
        raise SessionMisuseError(
            f"the global session was opened by another thread (at {opened.opened_at}); "
            "a session is not safe to share: use scoped_session(), thread_session() or SessionLocal() there"
        )
    warn_if_mixed("get_session()", opened.engine, opened)
    return opened


def _read_again(state: ORMExecuteState) -> None:
    """Let a query replace what objects were read before: in a long transaction others have changed it.

    Never where the query does not flush first what this session has changed.
    """
    if not (state.is_orm_statement and state.is_select) or state.is_column_load or state.is_relationship_load:
        return
    session = state.session
    flushes = session.autoflush and state.load_options._autoflush and not session._flushing
    if flushes or not session.dirty:
        state.update_execution_options(populate_existing=True)


def _close_for_another_database(opened: ThreadBoundSession) -> None:
    if opened.in_transaction():
        raise SessionMisuseError(
            f"configure() set another database while the global session (opened at {opened.opened_at}) is in "
            "a transaction; commit it and call close_global_session() first"
        )
    close_global_session()


def close_global_session() -> None:
    """Close the session of this process, rolling back what was not committed; safe to call twice.

    Raises
    ------
    SessionMisuseError
        It belongs to another thread that still runs.
    """
    opened = _global
    if opened is not None and opened.owner is not threading.current_thread() and opened.owner.is_alive():
        raise SessionMisuseError(
            f"close_global_session() at {caller_location()} would discard what the thread "
            f"{opened.owner.name!r} has not committed in the global session, opened at "
            f"{opened.opened_at}; call it there"
        )
    _close_global()


def _close_global() -> None:
    global _global
    with _lock:
        opened, _global = _global, None
    if opened is None:
        return
    try:
        opened.give_up()
    finally:
        if not thread_state.scopes:  # they keep their engines
            engines.dispose_engines()


def _close_forgotten() -> None:
    """At process exit: close a session left open, and warn with the place where it was opened."""
    opened = _global
    is_forgotten = opened is not None and not opened.is_closed and not opened.has_uncommitted_work()
    if opened is not None and hasattr(sys, "last_value"):
        roll_back(opened)  # the process ends by an exception, which tells more than what is lost by it
    _close_global()
    if opened is not None and is_forgotten:
        warnings.warn(
            f"the global session opened by get_session() at {opened.opened_at} was never closed; call "
            "close_global_session() in finally",
            ResourceWarning,
            stacklevel=2,
        )


def assert_idle(place: str) -> None:
    """Check that this thread has no open transaction: none may span an experiment.

    Raises
    ------
    SessionMisuseError
        There is one; it is rolled back. The message begins with `place`.
    """
    open_scopes = forget_scopes()
    if open_scopes:
        raise SessionMisuseError(
            f"{place}: the scoped_session() opened at {open_scopes[-1].opened_at} was left open; "
            "it was rolled back"
        )
    for session in _in_transaction():
        roll_back(session)
        kind = "global session" if session.pattern == "get_session()" else session.pattern
        raise SessionMisuseError(f"{place}: a transaction of the {kind} was left open; it was rolled back")


def _in_transaction() -> Iterator[ThreadBoundSession]:
    """Yield of the global session and the thread's own those in which this thread has a transaction."""
    own = None if thread_state.own is None else thread_state.own.session
    for session in (_global, own):
        if session is not None and session.owner is threading.current_thread() and session.in_transaction():
            yield session


def look_at_requests(current: Callable[[], ThreadBoundSession | None]) -> None:
    """Let the warnings about mixed patterns know the session of a framework's current request."""
    _of_requests.append(current)


def _check_no_scope_is_open(url: URL) -> None:
    """Raise if a scope is open on the process's database, which is about to be replaced by `url`."""
    for scope in thread_state.scopes:
        if not (scope.by_engine or scope.by_url) and scope.engine.url != url:
            raise SessionMisuseError(
                f"configure() at {caller_location()} sets another database inside the scoped_session() "
                f"opened at {scope.opened_at}, whose inner scopes would keep the first one; call it "
                "before, or write scoped_session(url=...)"
            )


def _drop_inherited_sessions() -> None:
    """In a forked child: drop the parent's sessions, which have lost their connections."""
    global _global, _lock
    thread_state.scopes, thread_state.own = [], None
    _global, _lock = None, threading.RLock()


engines.check_before_configuring(_check_no_scope_is_open)
os.register_at_fork(after_in_child=_drop_inherited_sessions)
