"""Recording by the supervisor for its workers, busy or dead."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from database import clock
from database.claims import lookups, protocol
from database.claims.types import Token
from database.engine.faults import own_words, refuses_content
from database.errors import FencedError
from database.models import Outcome, ProcessState
from experiments.execution.assignment import Assignment
from experiments.points.unrecorded import UnrecordedPoints, has_unrecorded, note_recorded, read_unrecorded
from experiments.supervisor.database_thread import DatabaseThread, Transactions
from experiments.supervisor.recovery import WorkerDeath, collect_unrecorded, recording_code
from experiments.supervisor.supervised_worker import SupervisedWorker

#: A worker busy for this long has its finished results recorded for it.
_SILENT_S = 0.1
#: And what it has claimed but not started is released after this.
_WAITING_S = 1.0
#: What a running experiment logs is recorded this often.
POINTS_EVERY_S = 2.0
#: So many slots of points are recorded in a transaction, 8 MiB.
_POINTS_AT_ONCE = 1 << 18

logger = logging.getLogger(__name__)


def record_points(transactions: Transactions, worker_id: str, token: Token, path: Path) -> bool:
    """Record points that a running experiment has logged, if there are any.

    Parameters
    ----------
    path : Path
        The file of its worker's points; need not exist.

    Returns
    -------
    bool
        Whether there are more.

    Raises
    ------
    FencedError
        The attempt was revoked, or its worker declared dead.
    """
    points = read_unrecorded(path, token, most=_POINTS_AT_ONCE)
    if points.chunks:
        transactions(partial(protocol.add_chunks, worker_id=worker_id, token=token, chunks=points.chunks))
    if points != UnrecordedPoints():
        note_recorded(path, token, points)
    return not points.is_all


class WorkerRecords:
    """Submits the records of workers to the database's thread.

    Parameters
    ----------
    database : DatabaseThread
        Runs the transactions.
    assignment : Assignment
        What the workers work on.
    on_pending : callable
        Called when experiments became pending again.
    """

    def __init__(
        self, database: DatabaseThread, assignment: Assignment, on_pending: Callable[[], None]
    ) -> None:
        self._database = database
        self._policy = assignment.execution.policy
        self._log_of = partial(assignment.folder.log, assignment.series_folder)
        self._on_pending = on_pending
        self._recorded_for: dict[str, tuple[Token, bool]] = {}
        self._recording: set[str] = set()
        self._finalizing: dict[str, SupervisedWorker] = {}
        #: By worker: when to record points again, and of which attempt.
        self._points_due: dict[str, tuple[Token, float]] = {}

    @property
    def finalizing(self) -> tuple[SupervisedWorker, ...]:
        """The dead workers whose last records are being written to the database."""
        return tuple(self._finalizing.values())

    def record_for(self, worker: SupervisedWorker, current: Token, busy_s: float) -> None:
        """Record for a busy worker what it has finished, and release what it has not started."""
        if worker.worker_id in self._recording:
            return
        if busy_s > _WAITING_S and self._recorded_for.get(worker.worker_id) != (current, True):
            self._submit_record(worker, current, release=True)
        elif busy_s > _SILENT_S and worker.journal.count_unrecorded():
            self._submit_record(worker, current, release=False)
        if busy_s > POINTS_EVERY_S:
            self._record_points(worker, current)

    def check_claims(self, running: Mapping[str, Token], then: Callable[[set[str]], None]) -> None:
        """Pass to `then` the workers whose running attempt was revoked, or that are fenced."""
        self._database.submit(
            lambda run: run(partial(lookups.revoked, running=running)), then, once="revoked claims"
        )

    def finalize(self, worker: SupervisedWorker, outcome: Outcome) -> None:
        """Record what a dead worker had finished, and release what it had not started.

        Parameters
        ----------
        outcome : Outcome
            Of the attempt during which it died, if any.
        """
        journal = worker.journal
        death = WorkerDeath(outcome, worker.process.exit_status(), worker.kill_reason)
        finished = collect_unrecorded(journal, worker.capture, lambda token: self._log_of(*token), death)
        journal.close()
        finalize = recording_code(
            journal,
            partial(
                protocol.finalize_worker,
                worker_id=worker.worker_id,
                finished=finished,
                state=ProcessState.STOPPED if journal.is_closed else ProcessState.DEAD,
                policy=self._policy,
                unseen=None if journal.is_whole() else death.unseen,
            ),
        )

        def then(pending: int) -> None:
            del self._finalizing[worker.worker_id]
            journal.remove()
            worker.points.unlink(missing_ok=True)
            worker.capture.unlink(missing_ok=True)
            if pending or finished or journal.started_any:
                self._on_pending()

        self._recorded_for.pop(worker.worker_id, None)
        self._points_due.pop(worker.worker_id, None)
        self._finalizing[worker.worker_id] = worker
        self._database.submit(lambda run: run(finalize), then)

    def _record_points(self, worker: SupervisedWorker, current: Token) -> None:
        token, due_at = self._points_due.get(worker.worker_id, (current, 0.0))
        now = clock.monotonic()
        if token == current and now < due_at:
            return
        self._points_due[worker.worker_id] = current, now + POINTS_EVERY_S
        if not has_unrecorded(worker.points, current):
            return

        def work(run: Transactions) -> float:
            """Return in how many seconds to record points of this attempt again."""
            try:
                return 0.0 if record_points(run, worker.worker_id, current, worker.points) else POINTS_EVERY_S
            except FencedError:
                return math.inf
            except DBAPIError as error:
                if not refuses_content(error):
                    raise
                logger.warning(
                    "experiment %d: its metrics cannot be recorded while it runs: %s",
                    current[0],
                    own_words(error),
                )
                return math.inf  # at its end the refusal is recorded

        def then(pause_s: float) -> None:
            if self._points_due.get(worker.worker_id, (None, 0.0))[0] == current:
                self._points_due[worker.worker_id] = current, clock.monotonic() + pause_s

        self._database.submit(work, then, once=f"points of {worker.worker_id}")

    def _submit_record(self, worker: SupervisedWorker, current: Token, *, release: bool) -> None:
        finished = worker.journal.unrecorded()
        record = recording_code(
            worker.journal,
            partial(
                protocol.record_for,
                worker_id=worker.worker_id,
                finished=finished,
                current=current,
                release=release,
                policy=self._policy,
            ),
        )

        def work(run: Transactions) -> int | None:
            try:
                return run(record)
            except FencedError:
                return None  # the next heartbeat is refused too

        def then(released: int | None) -> None:
            self._recording.discard(worker.worker_id)
            if released is None:
                return
            worker.journal.forget(finished)
            self._recorded_for[worker.worker_id] = (current, release)
            if released:
                self._on_pending()

        self._recording.add(worker.worker_id)
        self._database.submit(work, then)
