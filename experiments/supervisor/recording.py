"""What a supervisor records for its workers, busy or dead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from database.claims import lookups, protocol
from database.claims.types import RetryPolicy, Token
from database.errors import FencedError
from database.models import Outcome, ProcessState
from experiments.supervisor.database_thread import Bookkeeper, Transactions
from experiments.supervisor.recovery import LogPath, last_words
from experiments.supervisor.worker_process import WorkerProcess

#: A worker busy for this long has its finished results recorded for it.
_SILENT_S = 0.1
#: And what it has claimed but not started is given back after this.
_WAITING_S = 1.0


class WorkerRecords:
    """Hands the records of workers to the bookkeeping thread.

    Parameters
    ----------
    books : Bookkeeper
        Does the transactions.
    policy : RetryPolicy
        What is tried again.
    log_of : callable
        Where the log of an attempt is kept.
    on_return : callable
        Called when something became pending again.
    """

    def __init__(
        self, books: Bookkeeper, policy: RetryPolicy, log_of: LogPath, on_return: Callable[[], None]
    ) -> None:
        self._books = books
        self._policy = policy
        self._log_of = log_of
        self._on_return = on_return
        self._tended: dict[str, tuple[Token, bool]] = {}
        self._recording: set[str] = set()
        self._leaving: dict[str, WorkerProcess] = {}
        self._is_checking = False

    @property
    def leaving(self) -> tuple[WorkerProcess, ...]:
        """The dead whose last words are on their way to the database."""
        return tuple(self._leaving.values())

    def help(self, worker: WorkerProcess, current: Token, busy_s: float) -> None:
        """Record for a busy worker what it has finished, and give to others what waits behind."""
        if worker.worker_id in self._recording:
            return
        if busy_s > _WAITING_S and self._tended.get(worker.worker_id) != (current, True):
            self._record_for(worker, current, release=True)
        elif busy_s > _SILENT_S and worker.journal.has_unrecorded:
            self._record_for(worker, current, release=False)

    def check_claims(self, holding: Mapping[str, Token], then: Callable[[set[str]], None]) -> None:
        """Tell `then` which of these workers' attempts are no longer theirs, unless that is being asked."""
        if self._is_checking:
            return  # while the database is away the questions would pile up before everything else
        self._is_checking = True

        def answered(worker_ids: set[str]) -> None:
            self._is_checking = False
            then(worker_ids)

        self._books.submit(lambda run: run(partial(lookups.revoked, running=holding)), answered)

    def settle(self, worker: WorkerProcess, outcome: Outcome) -> None:
        """Record what a dead worker left, and give back what it had not started.

        Parameters
        ----------
        outcome : Outcome
            Of the attempt that it died in, if it was in one.
        """
        journal = worker.journal
        finished = last_words(
            journal,
            worker.capture,
            self._log_of,
            outcome=outcome,
            death=worker.death(),
            doom=worker.doom_text,
        )
        journal.close()
        settle = partial(
            protocol.finalize_worker,
            worker_id=worker.worker_id,
            finished=finished,
            state=ProcessState.STOPPED if journal.is_closed else ProcessState.DEAD,
            policy=self._policy,
        )

        def then(returned: int) -> None:
            del self._leaving[worker.worker_id]
            journal.remove()
            worker.capture.unlink(missing_ok=True)
            if returned or finished or journal.started_any:
                self._on_return()

        self._tended.pop(worker.worker_id, None)
        self._leaving[worker.worker_id] = worker
        self._books.submit(lambda run: run(settle), then)

    def dismiss(self, worker_id: str) -> None:
        """End a worker that was registered and never started."""
        settle = partial(
            protocol.finalize_worker,
            worker_id=worker_id,
            finished=[],
            state=ProcessState.STOPPED,
            policy=self._policy,
        )
        self._books.submit(lambda run: run(settle))

    def _record_for(self, worker: WorkerProcess, current: Token, *, release: bool) -> None:
        entries, finished = worker.journal.entries(), worker.journal.unrecorded()
        record = partial(
            protocol.record_for,
            worker_id=worker.worker_id,
            finished=finished,
            current=current,
            release=release,
            policy=self._policy,
        )

        def work(run: Transactions) -> int | None:
            try:
                return run(record)
            except FencedError:
                return None  # the heartbeat will tell the same of this runner

        def then(given_back: int | None) -> None:
            self._recording.discard(worker.worker_id)
            if given_back is None:
                return
            worker.journal.forget(entries)
            self._tended[worker.worker_id] = (current, release)
            if given_back:
                self._on_return()

        self._recording.add(worker.worker_id)
        self._books.submit(work, then)
