"""Scopes that are open, and scopes inside them: savepoints of one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session, SessionTransaction

from database.engine import sqlite
from database.engine.call_site import calling_place
from database.errors import SessionMisuseError
from database.session import closing
from database.session.isolation_levels import Isolation
from database.session.scope_opener import Opener
from database.session.thread_bound_session import OwnedSession
from database.session.usage_warnings import tell_once


class ScopedSession(OwnedSession):
    """The session inside `scoped_session`, which commits it and closes it at the end."""

    scope: OpenScope | None = None

    def check_usable(self) -> None:
        """Refuse it to another task of asyncio too: both would be in one transaction."""
        super().check_usable()
        if self.scope is not None and self.scope.opener.is_of_another_task():
            raise SessionMisuseError(
                f"the session of {self.pattern} at {self.opened_at} belongs to the task that opened it and "
                f"is used by another one at {calling_place()}; open one there, with scoped_session()"
            )

    def begin(self, nested: bool = False) -> SessionTransaction:
        """Begin a savepoint; the transaction is the scope itself.

        Raises
        ------
        SessionMisuseError
            Not a savepoint was asked for.
        """
        self.check_usable()
        if self.scope is not None and not nested:
            raise self._refused(
                "begin", "would commit in the middle of", "use session.begin_nested() for a part"
            )
        return super().begin(nested)

    def commit(self) -> None:
        """Commit at once; told once, because the scope does it.

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
        tell_once(
            "commit",
            f"session.commit() inside scoped_session() at {calling_place()} is unnecessary: the scope "
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
        """Refused inside the block, whose end closes it.

        Raises
        ------
        SessionMisuseError
            What is not committed yet would be lost.
        """
        self._check_still_needed("close")
        super().close()

    def reset(self) -> None:
        """Refused inside the block, as `close`."""
        self._check_still_needed("reset")
        super().reset()

    def give_up(self) -> None:
        """Roll back and close, whichever thread ends it."""
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
            f"session.{name}() at {calling_place()} {consequence} the scoped_session() opened at "
            f"{self.opened_at}; {advice}"
        )


@dataclass(eq=False, slots=True)
class OpenScope:
    """A `scoped_session()` that is open.

    Attributes
    ----------
    session : ScopedSession
        What it gave.
    engine : Engine
        Of the database it works on.
    isolation : Isolation
        What it was opened with.
    opener : Opener
        By whom, and where.
    by_engine, by_url : bool
        How the database was named; without, it is that of the process.
    inner : list of Opener
        Of the scopes inside it that are open, the innermost last.
    refuses_writes : bool
        One of those is read only.
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
        """Refuse to let in who would be undone by somebody that is suspended.

        Raises
        ------
        SessionMisuseError
            A generator or a coroutine has this scope, or one inside it, open in its middle.
        """
        for opener in (self.opener, *self.inner):
            if opener.is_suspended():
                raise SessionMisuseError(
                    f"scoped_session() at {calling_place()} would join the one at {opener.place}, which "
                    "belongs to a generator or coroutine that is suspended: what is written here would be "
                    "lost when that one is given up. Let it leave its scope before it yields or awaits, or "
                    "use its session"
                )

    def check_finished(self) -> None:
        """Refuse to commit while a scope inside is open.

        Raises
        ------
        SessionMisuseError
            A generator that is suspended has left one open.
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
        The outer scope isolates less than is asked for.
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
    session.flush()  # what the outer part has changed is its own
    connection = session.connection()
    scope.refuses_writes = True
    try:
        if connection.dialect.name == "sqlite":
            with sqlite.refusing_writes(connection), session.begin_nested():
                yield
        else:
            with session.begin_nested():  # PostgreSQL forgets the setting with the savepoint
                # The savepoint is made when the connection is asked for.
                session.connection().exec_driver_sql("SET TRANSACTION READ ONLY")
                yield
    finally:
        scope.refuses_writes = False
