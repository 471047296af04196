"""Open scopes, the one that a new one would join, and nested scopes: savepoints of one transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session, SessionTransaction

from database.engine import sqlite
from database.engine.call_site import caller_location
from database.engine.registry import get_engine
from database.engine.usage_warnings import warn_once
from database.errors import SessionMisuseError
from database.session.isolation_levels import Isolation
from database.session.scope_opener import Opener
from database.session.thread_bound_session import ThreadBoundSession, roll_back
from database.settings import normalise_url

if TYPE_CHECKING:
    from database.session.thread_sessions import SessionHolder


class ScopedSession(ThreadBoundSession):
    """The session of a `scoped_session`, which commits and closes it at the end of the block.

    Parameters
    ----------
    engine : Engine
        The engine of its database.
    isolation : Isolation
    opener : Opener
        The code that opened it.
    by_engine, by_url : bool
        How the database was given; if neither, it is that of the process.

    Attributes
    ----------
    inner : list of Opener
        The openers of open scopes nested in it, the innermost last.
    refuses_writes : bool
        Whether one of those is read only.
    is_open : bool
        Whether its block has not ended.
    """

    def __init__(
        self, engine: Engine, isolation: Isolation, opener: Opener, *, by_engine: bool, by_url: bool
    ) -> None:
        self.isolation, self.opener = isolation, opener
        self.by_engine, self.by_url = by_engine, by_url
        self.inner: list[Opener] = []
        self.refuses_writes = False
        self.is_open = True
        super().__init__(
            isolation.applied_to(engine),
            pattern="scoped_session()",
            opened_at=opener.place,
            expire_on_commit=False,
        )
        self.engine = engine  # without the isolation: nested scopes are on the same one

    def check_task(self) -> None:
        """Check that no other asyncio task uses it: both would be in one transaction.

        Raises
        ------
        SessionMisuseError
            Another task uses it while its block is open.
        """
        if self.is_open and self.opener.is_of_another_task():
            raise SessionMisuseError(
                f"the session of {self.pattern} at {self.opened_at} belongs to the task that opened it and "
                f"is used by another one at {caller_location()}; open one there, with scoped_session()"
            )

    def begin(self, nested: bool = False) -> SessionTransaction:
        """Begin a savepoint; the transaction is the scope itself.

        Raises
        ------
        SessionMisuseError
            `nested` is False.
        """
        self.check_usable()
        if self.is_open and not nested:
            raise self._refused(
                "begin", "would commit in the middle of", "use session.begin_nested() for a part"
            )
        return super().begin(nested)

    def commit(self) -> None:
        """Commit at once, with a warning the first time: the scope commits at its end.

        Raises
        ------
        SessionMisuseError
            Inside a nested scope: the outer part would be committed too.
        """
        self.check_usable()
        if self.inner:
            raise self._refused(
                "commit",
                "would commit also the unfinished part of",
                "leave it out, or use commit_part(session)",
            )
        warn_once(
            "commit",
            f"session.commit() inside scoped_session() at {caller_location()} is unnecessary: the scope "
            "commits at its end. What was committed here stays even if the rest of the scope fails",
        )
        super().commit()

    def rollback(self) -> None:
        """Undo everything since the scope began.

        Raises
        ------
        SessionMisuseError
            Inside a nested scope or a savepoint: the outer part would be undone too.
        """
        self.check_owner()
        if self.is_open and not self.is_inherited and (self.inner or self.in_nested_transaction()):
            raise self._refused(
                "rollback",
                "would undo also the outer part of",
                "let an exception leave the inner block, or put what may fail into "
                "`with session.begin_nested():`",
            )
        super().rollback()

    def close(self) -> None:
        """Raise inside the block, whose end closes the session.

        Raises
        ------
        SessionMisuseError
            Uncommitted changes would be lost.
        """
        self._check_still_needed("close")
        super().close()

    def reset(self) -> None:
        """Raise inside the block, as `close`."""
        self._check_still_needed("reset")
        super().reset()

    def give_up(self) -> None:
        """Roll back and close, whichever thread calls."""
        self.is_open = False
        self.adopt()
        roll_back(self)
        super().give_up()

    def _check_still_needed(self, name: str) -> None:
        if not self.is_open:
            return
        self.check_owner()
        if not self.is_inherited:
            raise self._refused(name, "would throw away what is not committed of", "leave it out")

    def _refused(self, name: str, consequence: str, advice: str) -> SessionMisuseError:
        return SessionMisuseError(
            f"session.{name}() at {caller_location()} {consequence} the scoped_session() opened at "
            f"{self.opened_at}; {advice}"
        )

    def check_joinable(self) -> None:
        """Check that a nested scope opened now would not be undone by suspended code.

        Raises
        ------
        SessionMisuseError
            This scope, or one nested in it, is open in a suspended generator or coroutine.
        """
        for opener in (self.opener, *self.inner):
            if opener.is_suspended():
                raise SessionMisuseError(
                    f"scoped_session() at {caller_location()} would join the one at {opener.place}, which "
                    "belongs to a generator or coroutine that is suspended: what is written here would be "
                    "lost when that one is closed. Let it leave its scope before it yields or awaits, or "
                    "use its session"
                )

    def check_finished(self) -> None:
        """Check that no nested scope is open.

        Raises
        ------
        SessionMisuseError
            A suspended generator has left one open.
        """
        if self.inner:
            raise SessionMisuseError(
                f"the scoped_session() at {self.opened_at} ends while the one inside it at "
                f"{self.inner[-1].place} is still open in a generator or coroutine; nothing was committed. "
                "Close that one first"
            )


class ThreadState(threading.local):
    """The open sessions of this thread.

    Attributes
    ----------
    scopes : list of ScopedSession
        Its scoped sessions, the innermost last; another thread that ends one removes it.
    own : SessionHolder or None
        The session from `database.session.thread_sessions.thread_session`.
    """

    def __init__(self) -> None:
        self.scopes: list[ScopedSession] = []
        self.own: SessionHolder | None = None


thread_state = ThreadState()


def innermost_scope(url: URL | None, engine: Engine | None) -> ScopedSession | None:
    """Return the innermost open scope of this thread and task, on a given database if there is one."""
    for scope in reversed(thread_state.scopes):
        if scope.opener.is_of_another_task():
            continue
        if (url is None and engine is None) or scope.engine is engine or _is_on(scope, url):
            return scope
    return None


def _is_on(scope: ScopedSession, url: URL | None) -> bool:
    # Not by identity alone: the process may have new engines since the scope was opened.
    return (
        url is not None
        and scope.engine.url == url
        and (not scope.by_engine or scope.engine is get_engine(url))
    )


def is_inside_scope(url: str | URL | None = None) -> bool:
    """Return whether a `scoped_session()` opened here would join another one.

    Parameters
    ----------
    url : str or URL, optional
        The database it would be opened for, if any is given.
    """
    return innermost_scope(None if url is None else normalise_url(url), None) is not None


def forget_scopes() -> list[ScopedSession]:
    """Roll back and close the scopes that this thread has open; return them, the innermost last."""
    left = list(thread_state.scopes)
    thread_state.scopes.clear()
    for scope in reversed(left):
        scope.give_up()
    return left


def joined(scope: ScopedSession, isolation: Isolation) -> Iterator[Session]:
    """Yield the session of `scope` once, inside a savepoint.

    Raises
    ------
    SessionMisuseError
        The outer scope has a weaker isolation level than `isolation`.
    """
    isolation.check_inside(scope.isolation, scope.opened_at)
    opener = Opener.here()
    with _part(scope, isolation):
        scope.inner.append(opener)
        try:
            yield scope
            scope.check_usable()
        finally:
            scope.inner.remove(opener)


def _part(scope: ScopedSession, isolation: Isolation) -> AbstractContextManager[Any]:
    if not isolation.read_only:
        return scope.begin_nested()
    if scope.isolation.read_only or scope.refuses_writes:
        return nullcontext()
    return _read_only_savepoint(scope)


@contextmanager
def _read_only_savepoint(scope: ScopedSession) -> Iterator[None]:
    scope.flush()  # the outer scope's changes are not refused
    connection = scope.connection()
    scope.refuses_writes = True
    try:
        if connection.dialect.name == "sqlite":
            with sqlite.refusing_writes(connection), scope.begin_nested():
                yield
        else:
            with scope.begin_nested():  # PostgreSQL resets the setting with the savepoint
                # The savepoint is made when the connection is asked for.
                scope.connection().exec_driver_sql("SET TRANSACTION READ ONLY")
                yield
    finally:
        scope.refuses_writes = False
