"""The one loop that retries when the database has a transient fault, until a deadline or a signal to stop."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from database import clock
from database.engine.faults import Fault, fault_of, own_words, refuses_content
from database.engine.wrong_use import takes_session
from database.errors import DatabaseUnreachableError
from database.session.thread_bound_session import roll_back

Result = TypeVar("Result")

logger = logging.getLogger(__name__)

_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 1.0
#: Short locks are normal: a fault that passes within this time (seconds) is not logged.
_LOG_AFTER_S = 0.6
#: A long wait is logged again after this time (seconds), so that the end of a log shows it.
_LOG_AGAIN_S = 300.0
#: Separate from the global generator, which the experiments may have seeded.
_jitter = random.Random()  # noqa: S311 - spreads retries; no secret


def _never() -> bool:
    return False


class _Wait:
    """A wait for the database: its duration so far, and what was logged of it."""

    def __init__(self) -> None:
        self._since = clock.monotonic()
        self._logged_at: float | None = None
        self._logged: Fault | None = None
        self._pause_s = _SHORTEST_PAUSE_S

    @property
    def seconds(self) -> float:
        return clock.monotonic() - self._since

    def log(self, fault: Fault, error: Exception) -> None:
        """Log the fault: once, again when it changes, and every few minutes."""
        now = clock.monotonic()
        if self._logged_at is None and self.seconds < _LOG_AFTER_S and fault is Fault.PASSES:
            return
        if fault is self._logged and self._logged_at is not None and now - self._logged_at < _LOG_AGAIN_S:
            return
        self._logged, self._logged_at = fault, now
        logger.warning("%s: %s", _WAITING_FOR[fault], own_words(error))

    def log_end(self) -> None:
        if self._logged is not None:
            logger.warning("the database answers again, after %.0f s", self.seconds)

    def pause(self) -> None:
        clock.sleep(self._pause_s * _jitter.uniform(0.5, 1.5))
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)


_WAITING_FOR = {
    Fault.PASSES: "the database does not answer; retrying until it does",
    Fault.NEEDS_ROOM: "the database's disk is full: nothing is lost, retrying until there is space; "
    "make room",
}


def retrying(
    work: Callable[[], Result],
    *,
    deadline_s: float,
    give_up: Callable[[], bool] = _never,
    wait_for_room: bool = False,
    reading: bool = False,
) -> Result:
    """Call `work` again while it fails with a transient fault.

    Parameters
    ----------
    work : callable
        One whole transaction, which leaves nothing open when it fails. It must be safe to repeat
        even when an earlier COMMIT succeeded although its answer was lost.
    deadline_s : float
        How long to retry, in seconds since the start; may be infinite.
    give_up : callable
        Called after each failed try, before and after the pause of at most 1.5 s; True ends the retries.
        A try itself is never interrupted: on SQLite it waits for a lock for up to 30 s, on PostgreSQL
        for an unreachable host for about as long.
    wait_for_room : bool
        Treat a full disk as transient too.
    reading : bool
        Whether the transaction is read only.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError, DatabaseError
        A permanent fault, or the last transient one at the deadline or when `give_up` ended it.
    """
    wait = _Wait()
    while True:
        try:
            result = work()
        except (SQLAlchemyError, DatabaseUnreachableError) as error:
            fault = fault_of(error, reading=reading)
            goes_on = fault is Fault.PASSES or (fault is Fault.NEEDS_ROOM and wait_for_room)
            if not goes_on or wait.seconds > deadline_s or give_up():
                raise
            wait.log(fault, error)
            wait.pause()
            if give_up():
                raise
        else:
            wait.log_end()
            return result


@takes_session
def retrying_transaction(
    session: Session,
    work: Callable[[Session], Result],
    *,
    deadline_s: float = 600.0,
    give_up: Callable[[], bool] = _never,
) -> Result:
    """Run `work(session)` and commit, again while the fault is transient or the disk is full.

    Parameters
    ----------
    session : Session
        Idle; used for each try.
    work : callable
        Called with the session; its result is returned. Safe to repeat, as for `retrying`. It must
        not commit.
    deadline_s, give_up
        As for `retrying`.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError, DatabaseError
        A permanent fault, or the last transient one at the deadline or when it was given up.
    """

    def once() -> Result:
        try:
            result = work(session)
            try:
                session.commit()
            except DBAPIError as error:
                if session.get_bind().dialect.name != "postgresql" or not refuses_content(error):
                    raise
                roll_back(session)
                # A deferred constraint of the database's owner: now each statement is refused by itself,
                # so that code that writes several rows finds the one at fault.
                session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
                result = work(session)
                session.commit()
        except BaseException:
            roll_back(session)
            raise
        return result

    return retrying(once, deadline_s=deadline_s, give_up=give_up, wait_for_room=True)
