"""A session that belongs to the thread that opened it, and raises in any other."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, SessionTransaction

from database.engine.call_site import caller_location
from database.engine.instrumented_session import InstrumentedSession
from database.engine.usage_warnings import warn_once
from database.errors import SessionMisuseError
from database.session.optimistic_locking import reporting_conflicts
from database.session.scope_opener import current_task

#: The methods that change the session, its objects or its transaction, besides those defined below. Some
#: reach the database only after that, and a flush that fails there has rolled back all of the transaction.
_OWNERS_METHODS = (
    *("enable_relationship_loading", "expire", "expire_all", "expunge", "expunge_all", "refresh", "prepare"),
    *("get", "get_one", "execute", "scalar", "scalars", "connection"),
    *("bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings"),
)
#: Of those, the ones whose work would be lost without a word in a closed session, and in a forked child.
_ADDING_METHODS = ("add", "add_all", "delete", "delete_all", "merge", "merge_all")


class ThreadBoundSession(InstrumentedSession):
    """A session for one thread of one process; the error of a concurrent update names the other change.

    What another thread does with it is refused before anything is changed. In a forked child it can only be
    rolled back and closed, which does not affect the parent's. Once closed it stays closed.

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
        self.pattern, self.engine, self.url = pattern, bind, bind.url
        self.is_closed = False
        #: The asyncio task that began the transaction.
        self._task: weakref.ref[Any] | None = None
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
        self.check_owner()
        super().check_usable()
        if self.is_closed:
            raise SessionMisuseError(
                f"the session of {self.pattern} at {self.opened_at} was closed, and what is done with it "
                "now would be lost; open a new one"
            )

    def check_owner(self) -> None:
        """Check that its own thread uses it, or a forked child, whose use does not reach the database."""
        user = threading.current_thread()
        if self.is_inherited:
            return
        if self.owner is not user:
            raise self.wrong_owner(f"the thread {self.owner.name!r} and is used by the thread {user.name!r}")
        self.check_task()

    def check_task(self) -> None:
        """Warn when an asyncio task uses the transaction of another one that goes on."""
        task = current_task()
        other = None if task is None or self._task is None else self._task()
        if other is None or other is task or other.done() or not self.in_transaction():
            return
        warn_once(
            "tasks",
            f"the session of {self.pattern} at {self.opened_at} is in a transaction of the task "
            f"{other.get_name()!r} and is used by the task {task.get_name()!r} at {caller_location()}: a "
            "commit or a rollback of one ends also what the other has not finished. Open a session in each "
            "task, with scoped_session()",
        )

    def rollback(self) -> None:
        """Roll back."""
        self.check_owner()
        super().rollback()

    def close(self) -> None:
        """Close it for good; what was not committed is rolled back."""
        self.check_owner()
        self.is_closed = True
        super().close()

    def reset(self) -> None:
        """Roll back and expunge all objects; it can be used again."""
        self.check_owner()
        super().reset()

    def invalidate(self) -> None:
        """Invalidate its connections; it can be used again, unless it was closed."""
        self.check_owner()
        super().invalidate()

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Write what has changed.

        Raises
        ------
        ConcurrentUpdateError
            The same series was changed meanwhile.
        """
        self.check_usable()
        if self._is_clean():  # before most queries
            super().flush(objects)
            return
        with reporting_conflicts(self):
            super().flush(objects)

    def give_up(self) -> None:
        """Close it, whichever thread calls."""
        self.adopt()
        _or_invalidate(self, self.close)


def _checked(check: Callable[..., None], method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of sessions that checks first who calls it, or also whether the session is open."""

    @functools.wraps(method)
    def checked(session: ThreadBoundSession, *arguments: Any, **options: Any) -> Any:
        check(session)
        return method(session, *arguments, **options)

    return checked


for _check, _names in (
    (ThreadBoundSession.check_owner, _OWNERS_METHODS),
    (ThreadBoundSession.check_usable, _ADDING_METHODS),
):
    for _name in _names:
        if hasattr(InstrumentedSession, _name):  # some are of newer versions of SQLAlchemy
            setattr(ThreadBoundSession, _name, _checked(_check, getattr(InstrumentedSession, _name)))


@event.listens_for(ThreadBoundSession, "after_transaction_create")
def _note_task(session: ThreadBoundSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        task = current_task()
        session._task = None if task is None else weakref.ref(task)


def roll_back(session: Session) -> None:
    """Roll back; a connection too broken for that is invalidated."""
    _or_invalidate(session, session.rollback)


def _or_invalidate(session: Session, step: Callable[[], None]) -> None:
    try:
        step()
    except SQLAlchemyError:  # the connection is lost: there is nothing left to roll back
        session.invalidate()
