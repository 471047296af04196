"""Open scopes, and nested scopes: savepoints of one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session, SessionTransaction

from database.engine import sqlite
from database.engine.call_site import caller_location
from database.errors import SessionMisuseError
from database.session import closing
from database.session.isolation_levels import Isolation
from database.session.scope_opener import Opener
from database.session.thread_bound_session import ThreadBoundSession
from database.session.usage_warnings import warn_once


class ScopedSession(ThreadBoundSession):
    """The session of a `scoped_session`, which commits and closes it at the end of the block."""

    scope: OpenScope | None = None

    def check_usable(self) -> None:
        """Check also that no other asyncio task uses it: both would be in one transaction."""
        super().check_usable()
        if self.scope is not None and self.scope.opener.is_of_another_task():
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
        if self.scope is not None and not nested:
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
        if self.scope is not None and self.scope.inner:
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
        self.check_thread()
        scope = self.scope
        if scope is not None and not self.is_inherited and (scope.inner or self.in_nested_transaction()):
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
        self.scope = None
        self.adopt()
        closing.roll_back(self)
        closing.close(self)

    def _check_still_needed(self, name: str) -> None:
        self.check_thread()
        if self.scope is not None and not self.is_inherited:
            raise self._refused(name, "would throw away what is not committed of", "leave it out")

    def _refused(self, name: str, consequence: str, advice: str) -> SessionMisuseError:
        return SessionMisuseError(
            f"session.{name}() at {caller_location()} {consequence} the scoped_session() opened at "
            f"{self.opened_at}; {advice}"
        )


@dataclass(eq=False, slots=True)
class OpenScope:
    """An open `scoped_session()`.

    Attributes
    ----------
    session : ScopedSession
    engine : Engine
        The engine of its database.
    isolation : Isolation
    opener : Opener
        The code that opened it.
    by_engine, by_url : bool
        How the database was given; if neither, it is that of the process.
    inner : list of Opener
        The openers of open scopes nested in it, the innermost last.
    refuses_writes : bool
        Whether one of those is read only.
    """

    session: ScopedSession
    engine: Engine
    isolation: Isolation
    opener: Opener
    by_engine: bool
    by_url: bool
    inner: list[Opener] = field(default_factory=list)
    refuses_writes: bool = False

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
                f"the scoped_session() at {self.opener.place} ends while the one inside it at "
                f"{self.inner[-1].place} is still open in a generator or coroutine; nothing was committed. "
                "Close that one first"
            )


def joined(scope: OpenScope, isolation: Isolation) -> Iterator[Session]:
    """Yield the session of `scope` once, inside a savepoint.

    Raises
    ------
    SessionMisuseError
        The outer scope has a weaker isolation level than `isolation`.
    """
    isolation.check_inside(scope.isolation, scope.opener.place)
    opener = Opener.here()
    with _part(scope, isolation):
        scope.inner.append(opener)
        try:
            yield scope.session
            scope.session.check_usable()
        finally:
            scope.inner.remove(opener)


def _part(scope: OpenScope, isolation: Isolation) -> AbstractContextManager[Any]:
    if not isolation.read_only:
        return scope.session.begin_nested()
    if scope.isolation.read_only or scope.refuses_writes:
        return nullcontext()
    return _read_only_savepoint(scope)


@contextmanager
def _read_only_savepoint(scope: OpenScope) -> Iterator[None]:
    session = scope.session
    session.flush()  # the outer scope's changes are not refused
    connection = session.connection()
    scope.refuses_writes = True
    try:
        if connection.dialect.name == "sqlite":
            with sqlite.refusing_writes(connection), session.begin_nested():
                yield
        else:
            with session.begin_nested():  # PostgreSQL resets the setting with the savepoint
                # The savepoint is made when the connection is asked for.
                session.connection().exec_driver_sql("SET TRANSACTION READ ONLY")
                yield
    finally:
        scope.refuses_writes = False
