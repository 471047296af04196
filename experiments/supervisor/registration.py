"""A runner's rows: registering it and its workers, its heartbeat, and its end.

Everything here is work for the bookkeeping thread.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from database import process_identity
from database.claims import lookups, runners
from database.claims.lookups import Outlook
from database.claims.runners import LivenessMonitor
from database.diagnosis.integrity import check_after_power_cut
from database.engine.registry import get_engine
from database.engine.sqlite_file import WalMonitor, fold_wal
from database.errors import FencedError
from database.models import ProcessState
from experiments.execution.assignment import Assignment
from experiments.supervisor.database_thread import Transactions
from experiments.supervisor.recovery import take_over

#: Told when a runner finds itself fenced.
DECLARED_DEAD = "this runner was silent for so long that it was declared dead; it registers again"


@dataclass(frozen=True)
class Hiring:
    """What came of asking for new workers.

    Attributes
    ----------
    outlook : Outlook
        What there is to do.
    worker_ids : tuple of str
        Registered, for processes to be started.
    """

    outlook: Outlook
    worker_ids: tuple[str, ...]


class Registration:
    """One runner's rows.

    Parameters
    ----------
    assignment : Assignment
        What it works on.
    watch : Watch
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

    def beat(self, transactions: Transactions) -> int | None:
        """Give a sign of life, and take over from the dead; return how many experiments came back.

        None means that this runner was declared dead itself.
        """
        self._wal.check(get_engine())
        try:
            transactions(lambda session: runners.heartbeat(session, self.runner_id))
        except FencedError:
            return None
        return self._take_over(transactions)

    def hire(self, transactions: Transactions, missing: int, *, canary: bool) -> Hiring | None:
        """Register as many workers as are missing and have something to do.

        None means that this runner was declared dead.
        """
        ids = [runners.new_id() for _ in range(missing)]

        def work(session: Session) -> Hiring:
            outlook = lookups.outlook(session, self._assignment.series_id, limit=missing, canary=canary)
            wanted = tuple(ids[: outlook.claimable])
            for worker_id in wanted:
                runners.register_worker(session, self.runner_id, worker_id)
            return Hiring(outlook, wanted)

        try:
            return transactions(work)
        except FencedError:
            return None

    def end(self, transactions: Transactions) -> None:
        """Say that the runner has ended in order, and let what was recorded survive a power cut."""
        transactions(lambda session: runners.end_runner(session, self.runner_id, ProcessState.STOPPED))
        fold_wal(get_engine())

    def leave(self) -> None:
        """Note that the runner does nothing more: if its rows could not say so, the next one takes over."""
        process_identity.leave(self.runner_id)

    def _take_over(self, transactions: Transactions) -> int:
        return take_over(transactions, self.runner_id, self._watch, self._assignment.folder)
