"""A session for each thread of a pool."""

from __future__ import annotations

import atexit
import os
import threading
import warnings
import weakref

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from database.engine.call_site import calling_place
from database.engine.registry import get_engine
from database.errors import SessionMisuseError
from database.session import closing
from database.session.lifecycle import tell_if_inside_scope
from database.session.open_sessions import thread_state
from database.session.thread_bound_session import OwnedSession


class _Keeper:
    """Keeps a thread's session, and closes it when the thread ends without having done so."""

    def __init__(self, session: OwnedSession) -> None:
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
        """Close what the thread forgot, and tell where it was opened."""
        if self.closed or self.pid != os.getpid():
            return
        self.close()
        warnings.warn(
            f"the thread_session() opened at {self.session.opened_at} was never removed; what it had not "
            "committed is lost. Call thread_session.remove() in finally",
            ResourceWarning,
            stacklevel=2,
        )


class _Held(threading.local):
    keeper: _Keeper | None = None


class ThreadSessions:
    """Gives each thread a session of its own: call it; `remove` closes what it gave."""

    def __init__(self) -> None:
        self._held = _Held()
        self._keepers: weakref.WeakSet[_Keeper] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._over_fork: list[_Keeper] = []
        os.register_at_fork(
            before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._in_child
        )

    def __call__(self) -> Session:
        """Return this thread's session, opened on first use.

        Commit it explicitly, and call ``thread_session.remove()`` in ``finally`` at the end of each
        task: the threads of a pool outlive their tasks. Its objects expire at each commit.
        """
        keeper = self._held.keeper
        engine = get_engine()
        tell_if_inside_scope("thread_session()", engine)
        if keeper is not None and self._is_outdated(keeper.session, engine):
            self.remove()
            keeper = None
        if keeper is None:
            session = OwnedSession(engine, pattern="thread_session()", opened_at=calling_place())
            keeper = _Keeper(session)
            with self._lock:
                self._keepers.add(keeper)
            self._held.keeper, thread_state.own = keeper, session
            atexit.unregister(self._close_forgotten)
            atexit.register(self._close_forgotten)
        return keeper.session

    def _is_outdated(self, session: OwnedSession, engine: Engine) -> bool:
        """Say whether it was closed, or opened on a database that is not the process's any more."""
        if session.is_closed or session.bind is engine:
            return session.is_closed
        if session.in_transaction() and session.get_bind().engine.url != engine.url:
            raise SessionMisuseError(
                f"configure() named another database while the thread_session() opened at "
                f"{session.opened_at} is in a transaction; commit it and call thread_session.remove() first"
            )
        return not session.in_transaction()

    def remove(self) -> None:
        """Close this thread's session, rolling back what was not committed; safe to call twice."""
        keeper, self._held.keeper, thread_state.own = self._held.keeper, None, None
        if keeper is not None:
            keeper.close()

    def count(self) -> int:
        """Return how many threads have a session now."""
        with self._lock:
            return sum(not keeper.closed for keeper in self._keepers)

    def _close_forgotten(self) -> None:
        """At the end of the process: the main thread ends after the modules that closing needs."""
        keeper, self._held.keeper, thread_state.own = self._held.keeper, None, None
        if keeper is not None:
            keeper.end()

    def _before_fork(self) -> None:
        # The child loses the parent's other threads, and with them their sessions: without these
        # references it would close connections that the parent goes on using.
        self._lock.acquire()
        self._over_fork = list(self._keepers)

    def _after_fork(self) -> None:
        self._over_fork = []
        self._lock.release()

    def _in_child(self) -> None:
        self._held = _Held()
        self._keepers = weakref.WeakSet()
        self._lock = threading.Lock()


thread_session = ThreadSessions()
