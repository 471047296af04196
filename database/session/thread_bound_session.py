"""A session that belongs to the thread that opened it, and raises in any other."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from database.engine.instrumented_session import InstrumentedSession
from database.errors import SessionMisuseError
from database.session.optimistic_locking import reporting_conflicts


class ThreadBoundSession(InstrumentedSession):
    """A session for one thread of one process; the error of a concurrent update names the other change.

    In a forked child it can only be rolled back and closed, which does not affect the parent's. Once closed
    it stays closed.

    Parameters
    ----------
    bind : Engine
        The engine of its database.
    pattern : str
        The call that opened it, for messages: ``get_session()``.
    opened_at : str
        The ``file:line`` of that call.
    **options
        Passed to `sqlalchemy.orm.Session`.
    """

    def __init__(self, bind: Engine, *, pattern: str, opened_at: str, **options: Any) -> None:
        super().__init__(bind, opened_at=opened_at, **options)
        self.pattern, self.url = pattern, bind.url
        self.is_closed = False
        self.adopt()

    def adopt(self) -> None:
        """Make this thread the owner; the previous one must not use the session again."""
        self._pid, self.owner = os.getpid(), threading.current_thread()

    def check_usable(self) -> None:
        """Check that the owner uses it, and that it is open.

        Raises
        ------
        SessionMisuseError
            Another thread or a forked child uses it, or it was closed.
        """
        if self._pid == os.getpid() and self.owner is threading.current_thread() and not self.is_closed:
            return  # quickly: it is called for each statement
        super().check_usable()
        self.check_thread()
        if self.is_closed:
            raise SessionMisuseError(
                f"the session of {self.pattern} at {self.opened_at} was closed, and what is done with it "
                "now would be lost; open a new one"
            )

    def check_thread(self) -> None:
        """Check that its own thread uses it, or a forked child, whose use does not reach the database."""
        user = threading.current_thread()
        if self.owner is not user and not self.is_inherited:
            raise self.wrong_owner(f"the thread {self.owner.name!r} and is used by the thread {user.name!r}")

    def rollback(self) -> None:
        """Roll back."""
        self.check_thread()
        super().rollback()

    def close(self) -> None:
        """Close it for good; what was not committed is rolled back."""
        self.check_thread()
        self.is_closed = True
        super().close()

    def reset(self) -> None:
        """Roll back and expunge all objects; it can be used again."""
        self.check_thread()
        super().reset()

    def invalidate(self) -> None:
        """Invalidate its connections; it can be used again, unless it was closed."""
        self.check_thread()
        super().invalidate()

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Write what has changed.

        Raises
        ------
        ConcurrentUpdateError
            The same series was changed meanwhile.
        """
        with reporting_conflicts(self):
            super().flush(objects)

    def give_up(self) -> None:
        """Close it, whichever thread calls."""
        self.adopt()
        _or_invalidate(self, self.close)


def roll_back(session: Session) -> None:
    """Roll back; a connection too broken for that is invalidated."""
    _or_invalidate(session, session.rollback)


def _or_invalidate(session: Session, step: Callable[[], None]) -> None:
    try:
        step()
    except SQLAlchemyError:  # the connection is lost: there is nothing left to roll back
        session.invalidate()
