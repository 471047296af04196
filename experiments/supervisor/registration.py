"""A runner's rows: registering it and its workers, its heartbeat, what it asks, and its end.

All that an executor wants of the database for itself is here, as transactions to be run where the
executor runs them; what it records for its workers is in `experiments.supervisor.recording`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session

from database import process_identity
from database.claims import lookups, protocol, runners
from database.claims.lookups import ClaimableWork, FirstExperiments
from database.claims.runners import LivenessMonitor
from database.claims.types import Finished
from database.counters import Ended, count_ended_by
from database.diagnosis.integrity import check_after_power_cut
from database.engine.registry import get_engine
from database.engine.sqlite_file import WalMonitor, fold_wal
from database.errors import FencedError
from database.models import ProcessState
from experiments.execution.assignment import Assignment
from experiments.supervisor.database_thread import Transactions
from experiments.supervisor.recovery import take_over


@dataclass(frozen=True)
class RegisteredWorkers:
    """What came of asking for new workers.

    Attributes
    ----------
    work : ClaimableWork
        What can be claimed.
    worker_ids : tuple of str
        Registered, for processes to be started.
    """

    work: ClaimableWork
    worker_ids: tuple[str, ...]


class Registration:
    """One runner's rows.

    Parameters
    ----------
    assignment : Assignment
        What it works on.
    watch : LivenessMonitor
        Remembers which other runners have been silent since when.
    """

    def __init__(self, assignment: Assignment, watch: LivenessMonitor) -> None:
        self._assignment = assignment
        self._watch = watch
        self._wal = WalMonitor()
        self.runner_id = runners.new_id()
        self.directory = assignment.folder.runner(self.runner_id)

    def register(self, transactions: Transactions) -> None:
        """Register the runner, and take over from dead ones.

        Raises
        ------
        DatabaseError
            The machine broke down during the last run, and the SQLite file with it.
        """
        transactions(check_after_power_cut)
        self._assignment.folder.make_runner(self.runner_id)
        transactions(
            lambda session: runners.register_runner(
                session, self.runner_id, self._assignment.provenance, self.directory
            )
        )
        self._take_over(transactions)

    def heartbeat(self, transactions: Transactions) -> int | None:
        """Send a heartbeat, and take over from the dead; return how many experiments are pending again.

        None means that this runner was declared dead itself.
        """
        self._wal.check(get_engine())
        try:
            transactions(self.send_heartbeat)
        except FencedError:
            return None
        return self._take_over(transactions)

    def send_heartbeat(self, session: Session) -> None:
        """Send a heartbeat, without checking on other runners.

        Raises
        ------
        FencedError
            This runner was declared dead.
        """
        runners.heartbeat(session, self.runner_id)

    def register_workers(
        self, transactions: Transactions, missing: int, *, canary: bool
    ) -> RegisteredWorkers | None:
        """Register as many workers as are missing and have something to do.

        None means that this runner was declared dead.
        """
        ids = [runners.new_id() for _ in range(missing)]

        def work(session: Session) -> RegisteredWorkers:
            work = lookups.claimable_work(session, self._assignment.series_id, limit=missing, canary=canary)
            wanted = tuple(ids[: work.claimable])
            for worker_id in wanted:
                runners.register_worker(session, self.runner_id, worker_id)
            return RegisteredWorkers(work, wanted)

        try:
            return transactions(work)
        except FencedError:
            return None

    def finalize_worker(
        self, transactions: Transactions, worker_id: str, finished: Collection[Finished] = ()
    ) -> None:
        """End a worker of this process, or one that was never started: record and release what it had."""
        policy = self._assignment.execution.policy
        transactions(
            lambda session: protocol.finalize_worker(
                session, worker_id, list(finished), state=ProcessState.STOPPED, policy=policy
            )
        )

    def first_experiments(self, transactions: Transactions) -> FirstExperiments:
        """Return how the first experiments of all configurations stand, whoever runs them."""
        return transactions(lambda session: lookups.first_experiments(session, self._assignment.series_id))

    def end(self, transactions: Transactions) -> None:
        """Record that the runner has ended in order, and let what was recorded survive a power cut."""
        transactions(lambda session: runners.end_runner(session, self.runner_id, ProcessState.STOPPED))
        fold_wal(get_engine())

    def leave(self) -> None:
        """Note that the runner does nothing more: if its rows could not say so, the next one takes over."""
        process_identity.leave(self.runner_id)

    def _take_over(self, transactions: Transactions) -> int:
        return take_over(transactions, self.runner_id, self._watch, self._assignment.folder)


def count_ended(transactions: Transactions, runner_ids: Collection[str]) -> Ended:
    """Return how many experiments these runners have ended."""
    return transactions(lambda session: count_ended_by(session, runner_ids))
