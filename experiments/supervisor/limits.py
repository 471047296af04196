"""When a worker must be ended: its experiment exceeds the time or memory limit, or the worker hangs."""

from __future__ import annotations

import psutil

from database import clock
from database.models import Outcome
from experiments.execution.options import Execution
from experiments.execution.worker_control import KillRequest
from experiments.journal import JournalReader
from experiments.processes.exit_status import TERMINATION_GRACE_S
from experiments.processes.memory import MemoryMeter, memory_message

#: A worker that records for longer than this hangs, if the database answers the supervisor.
STUCK_S = 30.0
#: The interval of measuring a worker's memory, with a limit and for display only.
_MEMORY_EVERY_S = 0.25
_MEMORY_SHOWN_EVERY_S = 2.0


class Limits:
    """The limits of one worker, and its memory use.

    Parameters
    ----------
    execution : Execution
        Contains the limits of an experiment.

    Attributes
    ----------
    memory_bytes : int or None
        The memory of its processes when last measured; None where it cannot be measured.
    """

    def __init__(self, execution: Execution) -> None:
        self._timeout_s = execution.timeout_s
        # In process mode the worker itself limits the process of its experiment; these limits are for
        # a worker that cannot.
        is_pool = execution.isolation == "pool"
        if self._timeout_s is not None and not is_pool:
            self._timeout_s += 2 * TERMINATION_GRACE_S
        self._memory_bytes = execution.memory_bytes if is_pool else None
        self._meter = MemoryMeter(self._memory_bytes)
        self._measure_at = 0.0
        self.memory_bytes: int | None = None

    def exceeded(self, journal: JournalReader, pid: int | None) -> KillRequest | None:
        """Return a request to kill the worker's experiment if it exceeds a limit; measures the memory."""
        current = journal.current
        now = clock.monotonic()
        if pid is not None and now >= self._measure_at:
            self.memory_bytes = self._meter.read(pid)
            limited = self._memory_bytes is not None
            self._measure_at = now + (_MEMORY_EVERY_S if limited else _MEMORY_SHOWN_EVERY_S)
        if current is None:
            return None
        taken, most = self.memory_bytes, self._memory_bytes
        if taken is not None and most is not None and taken > most:
            return KillRequest(Outcome.OUT_OF_MEMORY, current.token, memory_message(taken, most))
        busy_s = now - current.started_at
        if self._timeout_s is not None and busy_s > self._timeout_s:
            return KillRequest(Outcome.TIMED_OUT, current.token, Outcome.TIMED_OUT.sentence(busy_s))
        return None


def is_stuck(
    journal: JournalReader, pid: int | None, *, answered_at: float, patience_s: float = STUCK_S
) -> bool:
    """Return whether a worker hangs in its record phase, perhaps with SQLite's write lock.

    Parameters
    ----------
    answered_at : float
        When the database last answered the supervisor, by `database.clock.monotonic`. A worker that waits
        for a database that is away is not killed.
    patience_s : float
        How long a worker may be busy between two experiments.
    """
    since = journal.last_event_at
    if journal.current is not None or since is None or clock.monotonic() - since < STUCK_S:
        return False
    return (pid is not None and _is_stopped(pid)) or answered_at > since + patience_s


def _is_stopped(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False
