"""The supervisor's transactions, in a thread of their own.

While a database is away or locked, a transaction waits; the supervisor's loop must not: timeouts,
kills and Ctrl-C must always work. So the loop submits each transaction to this thread, continues, and
is woken when the answer arrives. Transactions run one after another, in the order of submission.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from database import clock
from database.session.lifecycle import SessionLocal
from database.session.retry import retrying_transaction

Result = TypeVar("Result")

#: While a transaction takes longer than this, the database counts as not answering.
_ANSWER_S = 2.0


class Transactions:
    """Runs transactions of a session, each until it succeeds.

    Parameters
    ----------
    session : Session
        Idle between two transactions.
    give_up : callable, optional
        Called between two tries; True ends them. By default retries never end while the fault is transient.
    """

    def __init__(self, session: Session, give_up: Callable[[], bool] = lambda: False) -> None:
        self._session = session
        self._give_up = give_up

    def __call__(self, work: Callable[[Session], Result]) -> Result:
        """Run `work(session)` and commit; see `database.session.retry.retrying_transaction`."""
        return retrying_transaction(self._session, work, deadline_s=math.inf, give_up=self._give_up)


@dataclass(frozen=True)
class _Piece:
    """What was submitted, and its answer once there is one."""

    work: Callable[[Transactions], Any]
    then: Callable[[Any], object]
    question: str | None
    answer: Future[Any] = field(default_factory=Future)


class DatabaseThread:
    """Runs transactions one after another, in a thread of its own.

    Parameters
    ----------
    wake : callable
        Called from the thread after each transaction.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._work: SimpleQueue[_Piece | None] = SimpleQueue()
        self._outstanding: deque[_Piece] = deque()
        self._begun_at: float | None = None
        self._answered_at = clock.monotonic()
        self._given_up = threading.Event()
        # A daemon: a database that hangs must not prevent the process from ending.
        self._thread = threading.Thread(target=self._run, name="database", daemon=True)
        self._thread.start()

    @property
    def away_s(self) -> float:
        """How long the database has not answered, in seconds; 0 when it does."""
        begun_at = self._begun_at
        waited_s = clock.monotonic() - begun_at if begun_at is not None else 0.0
        return waited_s if waited_s > _ANSWER_S else 0.0

    @property
    def answered_at(self) -> float:
        """When the database last answered, by `database.clock.monotonic`."""
        return self._answered_at

    @property
    def outstanding(self) -> int:
        """How many transactions are submitted and not collected."""
        return len(self._outstanding)

    def awaits(self, question: str) -> bool:
        """Return whether a transaction with this name (`once`) is submitted and not answered."""
        return any(piece.question == question for piece in self._outstanding)

    def submit(
        self,
        work: Callable[[Transactions], Result],
        then: Callable[[Result], object] = lambda _: None,
        *,
        once: str | None = None,
    ) -> None:
        """Run `work(transactions)` in the thread, after what was submitted before.

        Parameters
        ----------
        work : callable
            Runs in the thread; what it raises is raised by `collect`.
        then : callable
            Called with the answer by `collect`.
        once : str, optional
            The name of a question: it is not asked again before it is answered, or the questions would
            pile up before everything else while the database is away.
        """
        if once is None or not self.awaits(once):
            piece = _Piece(work, then, once)
            self._outstanding.append(piece)
            self._work.put(piece)

    def collect(self) -> None:
        """Pass the answers that have arrived to their `then`; to be called in the thread that submits."""
        while self._outstanding and self._outstanding[0].answer.done():
            piece = self._outstanding.popleft()
            piece.then(piece.answer.result())

    def give_up(self) -> None:
        """End the retries: waiting transactions fail, and stay safe to repeat."""
        self._given_up.set()

    def close(self, timeout_s: float) -> bool:
        """End the thread after all that was submitted; return whether it ended in time."""
        self._work.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        session = SessionLocal()
        transactions = Transactions(session, self._given_up.is_set)
        try:
            while (piece := self._work.get()) is not None:
                self._begun_at = clock.monotonic()
                try:
                    result = piece.work(transactions)
                except BaseException as error:  # noqa: BLE001 - raised again by `collect`
                    piece.answer.set_exception(error)
                else:
                    self._answered_at = clock.monotonic()
                    piece.answer.set_result(result)
                self._begun_at = None
                self._wake()
        finally:
            with contextlib.suppress(Exception):  # the connection may be broken; the work is done
                session.close()
