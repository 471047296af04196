"""A runner's rows: registering it and its workers, its heartbeat, its queries, and its end.

All that an executor wants of the database for itself is here, as transactions to be run where the
executor runs them; what it records for its workers is in `experiments.supervisor.recording`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sqlalchemy.orm import Session

from database import process_identity
from database.claims import lookups, protocol, runners
from database.claims.lookups import ClaimableWork, FirstExperiments
from database.claims.runners import LivenessMonitor
from database.claims.types import Finished, Token
from database.code_sets import RunningCode, record_code_sets
from database.counters import Counters, count_ended_by
from database.diagnosis.integrity import check_after_power_cut
from database.engine.registry import get_engine
from database.engine.sqlite_file import WalMonitor, fold_wal
from database.errors import FencedError
from database.models import ProcessState
from experiments.execution.assignment import Assignment
from experiments.supervisor.database_thread import Transactions
from experiments.supervisor.recovery import take_over

#: What can be claimed, the ids of the workers that were registered for it, to be started, and the state of
#: the first experiments where that decides what follows.
RegisteredWorkers = tuple[ClaimableWork, list[str], FirstExperiments | None]


class Registration:
    """One runner's rows.

    Parameters
    ----------
    assignment : Assignment
        What it works on.
    watch : LivenessMonitor
        Measures how long other runners have sent no heartbeat.
    """

    def __init__(self, assignment: Assignment, watch: LivenessMonitor) -> None:
        self._assignment = assignment
        self._watch = watch
        self._wal = WalMonitor()
        self.runner_id = runners.new_id()
        self.directory = assignment.folder.runner(self.runner_id)

    def register(self, transactions: Transactions) -> None:
        """Register the runner, and recover dead ones.

        Raises
        ------
        DatabaseError
            The host crashed during the last run, and the SQLite file is damaged.
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
        """Send a heartbeat, and recover dead runners; return how many experiments are pending again.

        None when this runner was declared dead itself.
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
        """Register as many workers as are missing, at most one per claimable experiment.

        With `canary`, and when nothing can be claimed or runs here, the state of the first experiments of all
        configurations is returned too, whoever runs them. None when this runner was declared dead.
        """
        ids = [runners.new_id() for _ in range(missing)]

        def work(session: Session) -> RegisteredWorkers:
            series_id = self._assignment.series_id
            work = lookups.claimable_work(session, series_id, limit=missing, canary=canary)
            wanted = ids[: work.claimable]
            for worker_id in wanted:
                runners.register_worker(session, self.runner_id, worker_id)
            is_idle = work.is_empty and missing >= self._assignment.workers
            return work, wanted, lookups.first_experiments(session, series_id) if canary and is_idle else None

        try:
            return transactions(work)
        except FencedError:
            return None

    def finalize_worker(
        self,
        transactions: Transactions,
        worker_id: str,
        finished: Sequence[Finished] = (),
        unseen: Callable[[Token], Finished] | None = None,
        *,
        codes: Collection[RunningCode] = (),
    ) -> None:
        """End a worker of this process, or one that never started; see `protocol.finalize_worker`."""
        policy = self._assignment.execution.policy

        def work(session: Session) -> None:
            record_code_sets(session, codes)
            protocol.finalize_worker(
                session, worker_id, finished, state=ProcessState.STOPPED, policy=policy, unseen=unseen
            )

        transactions(work)

    def end(self, transactions: Transactions) -> None:
        """Record that the runner has ended normally, and sync the database to disk."""
        transactions(lambda session: runners.end_runner(session, self.runner_id, ProcessState.STOPPED))
        fold_wal(get_engine())

    def leave(self) -> None:
        """Note that the runner is no longer active: if its row stays alive, the next runner recovers it."""
        process_identity.leave(self.runner_id)

    def _take_over(self, transactions: Transactions) -> int:
        return take_over(transactions, self.runner_id, self._watch, self._assignment.folder)


def count_ended(transactions: Transactions, runner_ids: Collection[str]) -> Counters:
    """Return how many experiments these runners have ended."""
    return transactions(lambda session: count_ended_by(session, runner_ids))
