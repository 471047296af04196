"""What is recorded of an attempt whose child did not say how it ended, or was ended by us."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, replace

from database.claims.protocol import Token
from database.claims.types import Finished
from database.models import Outcome
from experiments.execution.ending_messages import ended_from_outside
from experiments.execution.worker_control import Doom
from experiments.isolation.fork_server import Exit
from experiments.processes.memory import KERNEL_KILL
from experiments.supervisor.worker_process import Death


@dataclass(frozen=True)
class Case:
    """One attempt, as its worker saw it.

    Attributes
    ----------
    started_at : float
        By `time.time`.
    begun : float
        By `time.monotonic`.
    peak_bytes : int or None
        The most memory that its processes were seen to take together.
    doom : Doom or None
        Why it was ended, if it was.
    killed_by_kernel : bool
        Whether the kernel ended a process for lack of memory meanwhile.
    stopping : bool
        Whether the run is being stopped: then SIGTERM to all processes explains a death by it.
    """

    token: Token
    started_at: float
    begun: float
    peak_bytes: int | None = None
    doom: Doom | None = None
    killed_by_kernel: bool = False
    stopping: bool = False


def settle(case: Case, said: Finished | None, ended: Exit | None) -> Finished:
    """Return what is recorded of an attempt.

    Parameters
    ----------
    said : Finished or None
        What the child said itself. Completed is completed; anything else is overruled by a doom.
    ended : Exit or None
        How its process ended; None when nobody knows.
    """
    if said is None:
        said = _unsaid(case, ended)
    elif case.doom is not None and said.outcome is not Outcome.COMPLETED:
        said = ended_from_outside(said, case.doom.outcome, case.doom.text)
    experiment_id, attempt_number = case.token
    return replace(
        said,
        experiment_id=experiment_id,
        attempt_number=attempt_number,
        cpu_s=said.cpu_s if said.cpu_s is not None or ended is None else ended.cpu_s,
        peak_memory_bytes=_peak(said, case, ended),
    )


def _peak(said: Finished, case: Case, ended: Exit | None) -> int | None:
    peaks = [said.peak_memory_bytes, case.peak_bytes, ended.peak_memory_bytes if ended else None]
    return max((peak for peak in peaks if peak is not None), default=None)


def _unsaid(case: Case, ended: Exit | None) -> Finished:
    duration_s = time.monotonic() - case.begun
    whole = Finished(
        *case.token,
        Outcome.LOST,
        started_at=case.started_at,
        finished_at=case.started_at + duration_s,
        duration_s=duration_s,
        error_message="how its process ended is not known",
    )
    if ended is not None:
        death = Death(None, -ended.code) if ended.code < 0 else Death(ended.code, None)
        whole = replace(whole, exit_code=death.exit_code, signal=death.signal)
        if case.doom is None:
            return _unasked(case, whole, death)
    if case.doom is not None:
        return ended_from_outside(whole, case.doom.outcome, case.doom.text)
    return whole


def _unasked(case: Case, whole: Finished, death: Death) -> Finished:
    """Say whose fault it was that a process died which nobody here had ended."""
    if death.signal == signal.SIGTERM and case.stopping:
        return ended_from_outside(whole, Outcome.INTERRUPTED, None)
    if death.signal == signal.SIGKILL and case.killed_by_kernel:
        return replace(whole, outcome=Outcome.OUT_OF_MEMORY, error_message=KERNEL_KILL)
    return replace(whole, outcome=Outcome.CRASHED, error_type="WorkerDied", error_message=str(death))
