"""The one loop that waits for the database: until a fault has passed, or somebody says to give up."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from database.engine.faults import Fault, fault_of, is_transient, own_words, refuses_content
from database.errors import DatabaseUnreachableError
from database.session import closing

__all__ = ["is_transient", "retrying", "retrying_transaction"]

Result = TypeVar("Result")

logger = logging.getLogger(__name__)

_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 1.0
#: A short lock is everyday life: nothing is told of what passes within this time.
_TELL_AFTER_S = 0.6
#: While it goes on it is told again, so that somebody who looks at the end of a log sees it.
_TELL_AGAIN_S = 300.0
#: Framework jitter has a generator of its own: the global one belongs to the experiments.
_jitter = random.Random()  # noqa: S311 - spreads retries, guards nothing


def _never() -> bool:
    return False


class _Wait:
    """How long the database has been away, and what was told of it."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._told_at: float | None = None
        self._told: Fault | None = None
        self._pause_s = _SHORTEST_PAUSE_S

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._since

    def tell(self, fault: Fault, error: Exception) -> None:
        """Say once what is being waited for; again when that changes, and now and then."""
        now = time.monotonic()
        if self._told_at is None and self.seconds < _TELL_AFTER_S and fault is Fault.PASSES:
            return
        if fault is self._told and self._told_at is not None and now - self._told_at < _TELL_AGAIN_S:
            return
        self._told, self._told_at = fault, now
        logger.warning("%s: %s", _WAITING_FOR[fault], own_words(error))

    def tell_end(self) -> None:
        if self._told is not None:
            logger.warning("the database answers again, after %.0f s", self.seconds)

    def pause(self) -> None:
        time.sleep(self._pause_s * _jitter.uniform(0.5, 1.5))
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)


_WAITING_FOR = {
    Fault.PASSES: "the database does not answer, trying again until it does",
    Fault.NEEDS_ROOM: "the database's disk is full: nothing is lost, it is tried again until there is room; "
    "make room",
}


def retrying(
    work: Callable[[], Result],
    *,
    deadline_s: float,
    give_up: Callable[[], bool] = _never,
    wait_for_room: bool = False,
    judge: Callable[[BaseException], Fault] = fault_of,
) -> Result:
    """Call `work` again and again while its fault is one that passes.

    Parameters
    ----------
    work : callable
        One whole transaction, which leaves nothing open when it fails. It must be safe to repeat
        even when an earlier COMMIT landed unseen: its answer may have been lost on the way.
    deadline_s : float
        How long to go on after the start, in seconds; infinity for ever.
    give_up : callable
        Asked after each failed try, before and after the pause of at most 1.5 s; True ends it. A
        try itself is never interrupted: on SQLite it waits for a lock for up to 30 s, on
        PostgreSQL for a host that has vanished for about as long.
    wait_for_room : bool
        Wait for room on a full disk too, as for a fault that passes.
    judge : callable
        Says what kind of fault an error is.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError, DatabaseError
        A fault that does not pass, or the last one at the deadline or when it was given up.
    """
    wait = _Wait()
    while True:
        try:
            result = work()
        except (SQLAlchemyError, DatabaseUnreachableError) as error:
            fault = judge(error)
            goes_on = fault is Fault.PASSES or (fault is Fault.NEEDS_ROOM and wait_for_room)
            if not goes_on or wait.seconds > deadline_s or give_up():
                raise
            wait.tell(fault, error)
            wait.pause()
            if give_up():
                raise
        else:
            wait.tell_end()
            return result


def retrying_transaction(
    session: Session,
    work: Callable[[Session], Result],
    *,
    deadline_s: float = 600.0,
    give_up: Callable[[], bool] = _never,
) -> Result:
    """Run `work(session)` and commit, again and again while its fault passes or the disk is full.

    Parameters
    ----------
    session : Session
        Idle; used for each try.
    work : callable
        Gets the session; what it returns is returned. Safe to repeat, as for `retrying`. It must
        not commit by itself.
    deadline_s, give_up
        As for `retrying`.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError, DatabaseError
        A fault that does not pass, or the last one at the deadline or when it was given up.
    """

    def once() -> Result:
        try:
            result = work(session)
            try:
                session.commit()
            except DBAPIError as error:
                if session.get_bind().dialect.name != "postgresql" or not refuses_content(error):
                    raise
                closing.roll_back(session)
                # A deferred constraint of the owner's: now each statement is refused by itself, and
                # whoever writes several rows can tell which one it is.
                session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
                result = work(session)
                session.commit()
        except BaseException:
            closing.roll_back(session)
            raise
        return result

    return retrying(once, deadline_s=deadline_s, give_up=give_up, wait_for_room=True)
