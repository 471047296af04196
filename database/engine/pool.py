"""The connection pool of one database; when it is exhausted, the error names the sessions that use it."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from typing import Any

from sqlalchemy.exc import TimeoutError as NoConnectionLeftError
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from database.engine.instrumented_session import InstrumentedSession
from database.errors import DatabaseError

# SQLAlchemy logs each connection of a pool under the name of its class, with the options of the URL.
logging.getLogger(f"{__name__}.ExplainingPool").setLevel(logging.WARNING)

#: The error names at most this many places.
_MAX_PLACES = 5


class PoolExhaustedError(DatabaseError, TimeoutError):
    """All connections of this process were in use for too long."""


class ExplainingPool(QueuePool):
    """SQLAlchemy's pool, with an error that names the settings and the sessions.

    Attributes
    ----------
    limit : int
        The maximum number of connections at a time.
    timeout_s, recycle_s : float
        How long a session waits for a connection, and the age at which a connection is replaced.
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
            No connection became free in time.
        """
        try:
            return super().connect()
        except NoConnectionLeftError as error:
            raise PoolExhaustedError(
                f"all {self.limit} connections of this process to the database were in use for "
                f"{self.timeout_s:g} s{self._users()}; end sessions earlier, or raise "
                "EXPERIMENTS_POOL_SIZE or EXPERIMENTS_POOL_OVERFLOW"
            ) from error

    def _users(self) -> str:
        """Return the end of the error: the sessions that use the connections, searched for only now."""
        sessions = [session for session in gc.get_objects() if issubclass(type(session), InstrumentedSession)]
        places = Counter(
            session.opened_at
            for session in sessions
            if session.holds_connection and getattr(session.bind, "pool", None) is self
        ).most_common()
        if not places:
            return ""
        shown = [f"{place} ({number})" for place, number in places[:_MAX_PLACES]]
        more = f" and at {len(places) - _MAX_PLACES} other places" if len(places) > _MAX_PLACES else ""
        return f"; by sessions opened at {', '.join(shown)}{more}"
