"""The pool of connections of one database, which says who holds them when there are none left."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

from sqlalchemy.exc import TimeoutError as NoConnectionLeftError
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from database.engine.instrumented_session import WatchedSession
from database.errors import DatabaseError

#: More places are not named.
_MAX_PLACES = 5


class PoolExhaustedError(DatabaseError, TimeoutError):
    """All connections of this process were in use for too long."""


class ExplainingPool(QueuePool):
    """SQLAlchemy's pool, with an error that names the settings and the sessions.

    Attributes
    ----------
    limit : int
        How many connections there can be at the same moment.
    timeout_s, recycle_s : float
        How long a session waits for one, and at what age one is replaced.
    """

    def __init__(self, creator: Any, **options: Any) -> None:
        super().__init__(creator, **options)
        self.limit: int = options["pool_size"] + options["max_overflow"]
        self.timeout_s: float = options["timeout"]
        self.recycle_s: float = options["recycle"]

    def connect(self) -> PoolProxiedConnection:
        """Return a connection.

        Raises
        ------
        PoolExhaustedError
            None was given back in time.
        """
        try:
            return super().connect()
        except NoConnectionLeftError as error:
            raise PoolExhaustedError(
                f"all {self.limit} connections of this process to the database were in use for "
                f"{self.timeout_s:g} s{self._holders()}; end sessions earlier, or raise "
                "EXPERIMENTS_POOL_SIZE or EXPERIMENTS_POOL_OVERFLOW"
            ) from error

    def _holders(self) -> str:
        """Say which sessions hold them; looking for them here costs nothing while all is well."""
        sessions = [one for one in gc.get_objects() if issubclass(type(one), WatchedSession)]
        counted = Counter(
            one.opened_at
            for one in sessions
            if one.holds_connection and getattr(one.bind, "pool", None) is self
        ).most_common()
        if not counted:
            return ""
        shown = [f"{place} ({number})" for place, number in counted[:_MAX_PLACES]]
        more = f" and at {len(counted) - _MAX_PLACES} other places" if len(counted) > _MAX_PLACES else ""
        return f"; by sessions opened at {', '.join(shown)}{more}"
