"""Events of the sessions and statements of this process: counters and listeners.

The counters are always on; `totals` reads them, for monitoring or a test. A listener gets each
event with its place::

    with listening(lambda event: print(event.kind, event.place)):
        ...
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """The kinds of events."""

    OPENED = "opened"  #: a session was made
    BEGUN = "begun"  #: it took a connection and began a transaction
    COMMITTED = "committed"  #: the transaction was committed
    ROLLED_BACK = "rolled_back"  #: the transaction was rolled back, also by closing the session
    CLOSED = "closed"  #: the session was closed
    SLOW_QUERY = "slow_query"  #: a statement took longer than EXPERIMENTS_SLOW_QUERY_S


@dataclass(frozen=True)
class Event:
    """An event.

    Attributes
    ----------
    kind : EventKind
    place : str
        ``file:line`` of the code that opened the session, or ran the slow statement.
    statement : str or None
        The slow statement, without its values.
    seconds : float or None
        How long the slow statement took.
    """

    kind: EventKind
    place: str
    statement: str | None = None
    seconds: float | None = None


logger = logging.getLogger(__name__)

Listener = Callable[[Event], None]

_totals = dict.fromkeys(EventKind, 0)
_listeners: tuple[Listener, ...] = ()
_lock = threading.RLock()  # a signal handler may open a session in the middle of `emit`


def emit(kind: EventKind, place: str, *, statement: str | None = None, seconds: float | None = None) -> None:
    """Count an event and pass it to the listeners; the exception of a listener is logged, not raised."""
    with _lock:
        _totals[kind] += 1
    if _listeners:
        event = Event(kind, place, statement, seconds)
        for listener in _listeners:
            try:
                listener(event)
            except Exception:  # a listener must not end a transaction
                logger.exception("a listener failed at %s", event)


def totals() -> dict[str, int]:
    """Return how often each kind of event has happened in this process; a forked child begins at zero."""
    with _lock:
        return {kind.value: count for kind, count in _totals.items()}


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` with each event until the end of the block, in the thread where it happens."""
    global _listeners  # noqa: PLW0603 - replaced as a whole, so that `emit` needs no lock to go through it
    with _lock:
        _listeners = (*_listeners, listener)
    try:
        yield
    finally:
        with _lock:
            _listeners = tuple(kept for kept in _listeners if kept is not listener)


def _reset() -> None:
    """In a forked child: the counts are the parent's, and another thread of it may have held the lock."""
    global _lock  # noqa: PLW0603 - see above
    _lock = threading.RLock()
    _totals.update(dict.fromkeys(EventKind, 0))


os.register_at_fork(after_in_child=_reset)
