"""A session for each thread of a pool."""

from __future__ import annotations

import atexit
import functools
import warnings
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from database.engine.call_site import caller_location
from database.engine.registry import get_engine
from database.engine.wrong_use import Opener
from database.errors import SessionMisuseError
from database.session.lifecycle import warn_if_mixed
from database.session.scopes import thread_state
from database.session.thread_bound_session import ThreadBoundSession

#: In a forked child: the sessions of the parent's threads, never used. Freed, they would close connections
#: that the parent still uses.
_inherited: list[ThreadBoundSession] = []


class SessionHolder:
    """Holds a thread's session, and closes it if the thread ends without closing it."""

    def __init__(self, session: ThreadBoundSession) -> None:
        self.session = session

    def __del__(self) -> None:
        self.end()

    def end(self) -> None:
        """Close a session that the thread left open, and warn with the place where it was opened."""
        if self.session.is_inherited:
            _inherited.append(self.session)
        elif not self.session.is_closed:
            is_told = self.session.has_uncommitted_work()
            self.session.give_up()  # the collector may run in another thread
            if is_told:
                return
            warnings.warn(
                f"the thread_session() opened at {self.session.opened_at} was never removed; call "
                "thread_session.remove() in finally",
                ResourceWarning,
                stacklevel=2,
            )


class _ThreadSessions(Opener):
    """A session for each thread: call it to get that of this thread; `remove` closes it."""

    def __call__(self, *arguments: Any, **options: Any) -> Session:
        """Return this thread's session."""
        session: Session = super().__call__(*arguments, **options)
        return session

    def remove(self) -> None:
        """Close this thread's session, rolling back what was not committed; safe to call twice."""
        holder, thread_state.own = thread_state.own, None
        if holder is not None:
            holder.session.give_up()


def _is_outdated(session: ThreadBoundSession, engine: Engine) -> bool:
    """Return whether it was closed, or `configure` has set another database since it was opened."""
    if session.is_closed or session.bind is engine:
        return session.is_closed
    if session.in_transaction() and session.url != engine.url:
        raise SessionMisuseError(
            f"configure() set another database while the thread_session() opened at "
            f"{session.opened_at} is in a transaction; commit it and call thread_session.remove() first"
        )
    return not session.in_transaction()


def _close_forgotten() -> None:
    """At process exit: the main thread's data is freed only after the modules that closing needs."""
    holder, thread_state.own = thread_state.own, None
    if holder is not None:
        holder.end()


@functools.partial(_ThreadSessions, write="session = thread_session()")
def thread_session() -> Session:
    """Return this thread's session, opened on first use.

    Commit it explicitly, and call ``thread_session.remove()`` in ``finally`` at the end of each
    task: the threads of a pool outlive their tasks. Its objects expire at each commit.
    """
    engine = get_engine()
    if thread_state.own is not None and _is_outdated(thread_state.own.session, engine):
        thread_session.remove()
    if thread_state.own is None:
        session = ThreadBoundSession(engine, pattern="thread_session()", opened_at=caller_location())
        thread_state.own = SessionHolder(session)
        atexit.unregister(_close_forgotten)
        atexit.register(_close_forgotten)
    warn_if_mixed("thread_session()", engine, thread_state.own.session)
    return thread_state.own.session
