"""The outcome of an attempt whose child did not report how it ended, or was killed by us."""

from __future__ import annotations

from dataclasses import dataclass

from database import clock
from database.claims.types import Finished, Token
from database.models import Outcome
from experiments.execution.worker_control import (
    KillRequest,
    ended_from_outside,
    ended_now,
    outcome_of_death,
)
from experiments.isolation.fork_server import ChildExit
from experiments.processes.exit_status import ExitStatus


@dataclass(frozen=True)
class ObservedAttempt:
    """An attempt as observed by its worker.

    Attributes
    ----------
    begun : float
        By `database.clock.monotonic`.
    peak_bytes : int or None
        The highest memory use measured over all its processes together.
    kill : KillRequest or None
        The reason it was killed for, if it was.
    killed_by_kernel : bool
        Whether the kernel killed a process for lack of memory meanwhile.
    stopping : bool
        Whether the run is being stopped: then SIGTERM to all processes explains a death by it.
    """

    token: Token
    begun: float
    peak_bytes: int | None = None
    kill: KillRequest | None = None
    killed_by_kernel: bool = False
    stopping: bool = False


def resolve_outcome(
    observed: ObservedAttempt, reported: Finished | None, child_exit: ChildExit | None
) -> Finished:
    """Return the attempt to record.

    Parameters
    ----------
    reported : Finished or None
        What the child itself reported. Completed is completed; anything else is overruled by the reason it
        was killed for.
    child_exit : ChildExit or None
        How its process ended; None when that is not known.
    """
    if reported is None:
        reported = _unreported(observed, child_exit)
    elif observed.kill is not None and reported.outcome is not Outcome.COMPLETED:
        reported = ended_from_outside(reported, observed.kill.outcome, observed.kill.reason)
    experiment_id, attempt_number = observed.token
    return reported._replace(
        experiment_id=experiment_id,
        attempt_number=attempt_number,
        cpu_s=reported.cpu_s if reported.cpu_s is not None or child_exit is None else child_exit.cpu_s,
        peak_memory_bytes=_peak(reported, observed, child_exit),
    )


def _peak(reported: Finished, observed: ObservedAttempt, child_exit: ChildExit | None) -> int | None:
    peaks = [
        reported.peak_memory_bytes,
        observed.peak_bytes,
        child_exit.peak_memory_bytes if child_exit else None,
    ]
    return max((peak for peak in peaks if peak is not None), default=None)


def _unreported(observed: ObservedAttempt, child_exit: ChildExit | None) -> Finished:
    finished = ended_now(observed.token, Outcome.LOST, clock.monotonic() - observed.begun)._replace(
        error_message="it is not known how its process ended",
    )
    if child_exit is not None:
        status = ExitStatus.of(child_exit.code)
        finished = finished._replace(exit_code=status.exit_code, signal=status.signal)
        if observed.kill is None:
            return _died_by_itself(observed, finished, status)
    if observed.kill is not None:
        return ended_from_outside(finished, observed.kill.outcome, observed.kill.reason)
    return finished


def _died_by_itself(observed: ObservedAttempt, finished: Finished, status: ExitStatus) -> Finished:
    """Return the attempt with the outcome of a process that died without being killed by its worker."""
    outcome = outcome_of_death(
        status.signal, stopping=observed.stopping, was_oom_kill=lambda: observed.killed_by_kernel
    )
    if outcome is not Outcome.CRASHED:
        return ended_from_outside(finished, outcome, None)
    return finished._replace(outcome=outcome, error_type="WorkerDied", error_message=status.crash_message())
