"""A session for each thread of a pool."""

from __future__ import annotations

import atexit
import os
import threading
import warnings
import weakref

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from database.engine.call_site import caller_location
from database.engine.registry import get_engine
from database.errors import SessionMisuseError
from database.session import closing
from database.session.lifecycle import warn_if_inside_scope
from database.session.open_sessions import thread_state
from database.session.thread_bound_session import ThreadBoundSession


class _SessionHolder:
    """Holds a thread's session, and closes it if the thread ends without closing it."""

    def __init__(self, session: ThreadBoundSession) -> None:
        self.session = session
        self.pid = os.getpid()
        self.closed = False

    def close(self) -> None:
        self.closed = True
        self.session.adopt()  # the collector may run in another thread
        closing.close(self.session)

    def __del__(self) -> None:
        self.end()

    def end(self) -> None:
        """Close a session that the thread left open, and warn with the place where it was opened."""
        if self.closed or self.pid != os.getpid():
            return
        self.close()
        warnings.warn(
            f"the thread_session() opened at {self.session.opened_at} was never removed; its uncommitted "
            "changes are lost. Call thread_session.remove() in finally",
            ResourceWarning,
            stacklevel=2,
        )


class _OfThread(threading.local):
    holder: _SessionHolder | None = None


class ThreadSessions:
    """A session for each thread: call it to get that of this thread; `remove` closes it."""

    def __init__(self) -> None:
        self._of_thread = _OfThread()
        self._holders: weakref.WeakSet[_SessionHolder] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._over_fork: list[_SessionHolder] = []
        os.register_at_fork(
            before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._in_child
        )

    def __call__(self) -> Session:
        """Return this thread's session, opened on first use.

        Commit it explicitly, and call ``thread_session.remove()`` in ``finally`` at the end of each
        task: the threads of a pool outlive their tasks. Its objects expire at each commit.
        """
        holder = self._of_thread.holder
        engine = get_engine()
        warn_if_inside_scope("thread_session()", engine)
        if holder is not None and self._is_outdated(holder.session, engine):
            self.remove()
            holder = None
        if holder is None:
            session = ThreadBoundSession(engine, pattern="thread_session()", opened_at=caller_location())
            holder = _SessionHolder(session)
            with self._lock:
                self._holders.add(holder)
            self._of_thread.holder, thread_state.own = holder, session
            atexit.unregister(self._close_forgotten)
            atexit.register(self._close_forgotten)
        return holder.session

    def _is_outdated(self, session: ThreadBoundSession, engine: Engine) -> bool:
        """Return whether it was closed, or `configure` has set another database since it was opened."""
        if session.is_closed or session.bind is engine:
            return session.is_closed
        if session.in_transaction() and session.get_bind().engine.url != engine.url:
            raise SessionMisuseError(
                f"configure() set another database while the thread_session() opened at "
                f"{session.opened_at} is in a transaction; commit it and call thread_session.remove() first"
            )
        return not session.in_transaction()

    def remove(self) -> None:
        """Close this thread's session, rolling back what was not committed; safe to call twice."""
        holder, self._of_thread.holder, thread_state.own = self._of_thread.holder, None, None
        if holder is not None:
            holder.close()

    def count(self) -> int:
        """Return the number of threads that have an open session."""
        with self._lock:
            return sum(not holder.closed for holder in self._holders)

    def _close_forgotten(self) -> None:
        """At process exit: the main thread's data is freed only after the modules that closing needs."""
        holder, self._of_thread.holder, thread_state.own = self._of_thread.holder, None, None
        if holder is not None:
            holder.end()

    def _before_fork(self) -> None:
        # The child loses the parent's other threads, and with them their holders. Without these references,
        # which are never read, it would collect those and close connections that the parent still uses.
        self._lock.acquire()
        self._over_fork = list(self._holders)

    def _after_fork(self) -> None:
        self._over_fork = []
        self._lock.release()

    def _in_child(self) -> None:
        self._of_thread = _OfThread()
        self._holders = weakref.WeakSet()
        self._lock = threading.Lock()


thread_session = ThreadSessions()
