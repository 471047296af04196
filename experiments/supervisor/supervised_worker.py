"""A supervised worker: its process, its journal, its limits, and how it is ended."""

from __future__ import annotations

import signal
from collections.abc import Callable
from multiprocessing.util import get_temp_dir
from pathlib import Path

from database import clock
from database.models import Outcome
from experiments.execution.assignment import Assignment, WorkerStatus
from experiments.execution.worker_config import WorkerConfig
from experiments.execution.worker_control import STOP, KillRequest, outcome_of_death
from experiments.journal import Current, JournalReader
from experiments.output.capture import trim_capture
from experiments.processes.exit_status import TERMINATION_GRACE_S
from experiments.supervisor.limits import STUCK_S, Limits, is_stuck
from experiments.supervisor.worker_process import WorkerProcess, WorkerStartError

#: A worker whose start, including the import of its target, takes longer than this hangs.
_LONGEST_START_S = 600.0
#: The interval of trimming the captured output, which is unbounded.
_TRIM_EVERY_S = 1.0


class SupervisedWorker:
    """A worker, and the part of its supervision that needs no database.

    Parameters
    ----------
    assignment : Assignment
        What it works on.
    config : WorkerConfig
        With runner and worker ids; both rows exist already.

    Raises
    ------
    WorkerStartError
        The process could not be started.

    Attributes
    ----------
    process : WorkerProcess
        Its process.
    journal : JournalReader
        Reads what it is running.
    capture : Path
        Its captured stdout and stderr.
    points : Path
        What its running experiment has logged.
    killed_as : Outcome or None
        Once it is being killed: the outcome recorded for the attempt that it is running.
    kill_reason : str
        The reason, for the user; empty when the outcome suffices.
    """

    def __init__(self, assignment: Assignment, config: WorkerConfig) -> None:
        runner_id, self.worker_id = config.identity()
        folder = assignment.folder
        # The worker makes it once the database is open and the target imported.
        self._journal_path = folder.journal(runner_id, self.worker_id)
        self.journal = JournalReader(self._journal_path)
        self.capture: Path = folder.capture(runner_id, self.worker_id)
        self.points: Path = folder.points(runner_id, self.worker_id)
        self.killed_as: Outcome | None = None
        self.kill_reason = ""
        self._killed: Current | None = None
        self._kill_at: float | None = None
        self._limits = Limits(assignment.execution)
        # In process mode the target may have to be imported again between two experiments.
        imports = config.execution.isolation == "process"
        self._stuck_after_s = _LONGEST_START_S if imports else STUCK_S
        self._trim_at = 0.0
        self._started_at = clock.monotonic()
        if assignment.start_method == "forkserver":
            folder.note_sockets(runner_id, Path(get_temp_dir()))
        try:
            self.process = WorkerProcess(config, assignment.start_method)
        except WorkerStartError:
            self.journal.close()
            raise

    def check(self, *, answered_at: float) -> str | None:
        """Read its journal and end it if it must end; return a warning about a worker that hangs.

        Parameters
        ----------
        answered_at : float
            When the database last answered the supervisor, by `database.clock.monotonic`.
        """
        now = clock.monotonic()
        if self._kill_at is not None and now > self._kill_at:
            self.kill()
        self.journal.poll()
        if now >= self._trim_at:
            self._trim_at = now + _TRIM_EVERY_S
            trim_capture(self.capture)
        exceeded = self._limits.exceeded(self.journal, self.process.pid)
        if self.killed_as is not None:
            return None
        if exceeded is not None:
            self.terminate(exceeded.outcome, exceeded.reason)
        elif is_stuck(
            self.journal, self.process.pid, answered_at=answered_at, patience_s=self._stuck_after_s
        ):
            self.kill(Outcome.LOST)
            return "a worker hung between two experiments; it is replaced"
        elif now - self._started_at > _LONGEST_START_S and not self._journal_path.exists():
            self.kill()
            return f"a worker was not ready after {_LONGEST_START_S:.0f} s; it is replaced"
        return None

    def status(self) -> WorkerStatus:
        """Return its status for display."""
        current = self.journal.current
        experiment, number = current.token if current is not None else (None, None)
        return WorkerStatus(
            self.process.pid,
            experiment,
            number,
            clock.monotonic() - current.started_at if current is not None else 0.0,
            self._limits.memory_bytes,
        )

    def stop(self) -> None:
        """Ask it to stop after the running experiment."""
        self.process.send(STOP)

    def terminate(self, outcome: Outcome, reason: str = "") -> None:
        """Send SIGTERM to it and its descendants, and SIGKILL shortly after, unless that was begun before.

        Parameters
        ----------
        outcome : Outcome
            What the attempt is recorded as, unless it completes.
        reason : str
            The reason, for the user, where it adds to the outcome.
        """
        if self.killed_as is None:
            self._mark_for_kill(outcome, reason)
            # Before the signal: user code that survives it must not decide the outcome, and
            # the worker must not begin another one.
            killed = self._killed
            self.process.send(STOP if killed is None else KillRequest(outcome, killed.token, reason).encode())
            self._kill_at = clock.monotonic() + TERMINATION_GRACE_S
            self.process.signal_tree(signal.SIGTERM)

    def kill(self, outcome: Outcome | None = None) -> None:
        """Kill it and its descendants at once.

        Parameters
        ----------
        outcome : Outcome, optional
            What the attempt is recorded as, unless that was decided before.
        """
        if outcome is not None and self.killed_as is None:
            self._mark_for_kill(outcome, "")
        self.process.signal_tree(signal.SIGKILL)

    def outcome(self, *, stopping: bool, was_oom_kill: Callable[[], bool]) -> Outcome:
        """Return the outcome of the attempt during which the worker died; see `outcome_of_death`."""
        if self.killed_as in {Outcome.INTERRUPTED, Outcome.LOST}:
            return self.killed_as  # whichever attempt it was running
        current = self.journal.current
        if self.killed_as is not None:
            # It may have started another attempt before it died.
            meant = self._killed is None or current is None or current.token == self._killed.token
            return self.killed_as if meant else Outcome.LOST
        status = self.process.exit_status()
        if status is None or status.is_unknown:
            return Outcome.LOST
        return outcome_of_death(status.signal, stopping=stopping, was_oom_kill=was_oom_kill)

    def _mark_for_kill(self, outcome: Outcome, reason: str) -> None:
        self.killed_as, self.kill_reason, self._killed = outcome, reason, self.journal.current
