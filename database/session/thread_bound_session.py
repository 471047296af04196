"""A session that belongs to the thread which opened it, and says so to others."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from database.engine.instrumented_session import WatchedSession
from database.errors import SessionMisuseError
from database.session.optimistic_locking import naming_conflicts


class OwnedSession(WatchedSession):
    """A session for one thread of one process; a lost update names who was faster.

    In a forked child it can only be rolled back and closed, which does nothing to the parent's. Once closed
    it stays closed.

    Parameters
    ----------
    bind : Engine
        What it works on.
    pattern : str
        The call that opened it, for messages: ``get_session()``.
    opened_at : str
        Where that was.
    **options
        Passed to `sqlalchemy.orm.Session`.
    """

    def __init__(self, bind: Engine, *, pattern: str, opened_at: str, **options: Any) -> None:
        super().__init__(bind, opened_at=opened_at, **options)
        self.pattern = pattern
        self.is_closed = False
        self.adopt()

    def adopt(self) -> None:
        """Make this thread the owner: another one has handed the session on and will not use it again."""
        self._pid, self._thread = os.getpid(), threading.get_ident()
        self._owner_name = threading.current_thread().name

    def check_usable(self) -> None:
        """Refuse to go on for anybody but the owner, and after the end.

        Raises
        ------
        SessionMisuseError
            Another thread, or a forked child, uses this session; it was closed.
        """
        if self._pid == os.getpid() and self._thread == threading.get_ident() and not self.is_closed:
            return  # asked for at each statement
        super().check_usable()
        self.check_thread()
        if self.is_closed:
            raise SessionMisuseError(
                f"the session of {self.pattern} at {self.opened_at} was closed, and what is done with it "
                "now would be lost; open a new one"
            )

    def check_thread(self) -> None:
        """Refuse it to another thread; a forked child's hold on it reaches nobody."""
        if self._thread != threading.get_ident() and not self.is_inherited:
            user = threading.current_thread().name
            raise self.not_yours(f"the thread {self._owner_name!r} and is used by the thread {user!r}")

    def rollback(self) -> None:
        """Undo what was not committed."""
        self.check_thread()
        super().rollback()

    def close(self) -> None:
        """Close it for good; what was not committed is rolled back."""
        self.check_thread()
        self.is_closed = True
        super().close()

    def reset(self) -> None:
        """Roll back, and forget all objects; it can be used again."""
        self.check_thread()
        super().reset()

    def invalidate(self) -> None:
        """Throw its connections away; it can be used again, unless it was closed."""
        self.check_thread()
        super().invalidate()

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Write what has changed.

        Raises
        ------
        ConcurrentUpdateError
            Somebody else changed the same series meanwhile.
        """
        if not self.dirty and not self.deleted:  # only a change can come second
            super().flush(objects)
            return
        with naming_conflicts(self):
            super().flush(objects)
