"""A worker process under the eyes of its supervisor: its limits, and what there is to see of it."""

from __future__ import annotations

import time

from database.models import Outcome
from experiments.execution.assignment import Assignment, WorkerStatus
from experiments.execution.worker_config import WorkerConfig
from experiments.output.capture import trim_capture
from experiments.supervisor.limits import STUCK_S, Limits, is_stuck
from experiments.supervisor.worker_process import WorkerProcess

#: A worker whose start takes longer, with the import of its target, hangs.
_LONGEST_START_S = 600.0
#: How often the captured output is looked at: it may be no end.
_TRIM_EVERY_S = 1.0


class WatchedWorker(WorkerProcess):
    """A worker, and what its supervisor does about it that needs no database.

    Parameters
    ----------
    assignment : Assignment
        What it works on.
    config : WorkerConfig
        With runner and worker ids; both rows exist already.
    """

    def __init__(self, assignment: Assignment, config: WorkerConfig) -> None:
        super().__init__(assignment.series_name, config, assignment.folder, assignment.start_method)
        self._limits = Limits(assignment.execution)
        # In process mode the target may have to be imported again between two experiments.
        imports = config.execution.isolation == "process"
        self._patience_s = _LONGEST_START_S if imports else STUCK_S
        self._trim_at = 0.0

    def look(self, *, answered_at: float) -> str | None:
        """End the worker if it must end; return what there is to tell of a worker that hangs.

        Parameters
        ----------
        answered_at : float
            When the database last answered the supervisor, by `time.monotonic`.
        """
        now = time.monotonic()
        self.kill_if_overdue()
        self.journal.poll()
        if now >= self._trim_at:
            self._trim_at = now + _TRIM_EVERY_S
            trim_capture(self.capture)
        verdict = self._limits.verdict(self.journal, self.pid)
        if self.doom is not None:
            return None
        if verdict is not None:
            self.terminate(verdict.outcome, verdict.text)
        elif is_stuck(self.journal, self.pid, answered_at=answered_at, patience_s=self._patience_s):
            self._give_up()
            return "a worker hung between two experiments; it is replaced"
        elif not self.is_ready and now - self.started_at > _LONGEST_START_S:
            self.kill()
            return f"a worker was not ready after {_LONGEST_START_S:.0f} s; it is replaced"
        return None

    def view(self) -> WorkerStatus:
        """Return what people may see of it."""
        current = self.journal.current
        experiment, number = current.token if current is not None else (None, None)
        return WorkerStatus(
            self.worker_id,
            self.pid,
            experiment,
            number,
            time.monotonic() - current.started_at if current is not None else 0.0,
            self._limits.memory_bytes,
        )

    def _give_up(self) -> None:
        self.condemn(Outcome.LOST)
        self.kill()
