"""What is recorded of an attempt, by what its child reported and how it died."""

from __future__ import annotations

import time

import pytest

from database.claims.types import Finished
from database.models import Outcome
from experiments.execution.worker_control import KillRequest
from experiments.isolation.fork_server import ChildExit
from experiments.isolation.outcome import ObservedAttempt, resolve_outcome

TOKEN = (7, 2)
LOST_DESCRIPTORS = "it closed file descriptors that were not its own; its process was ended at once"


def observed(killed_as: Outcome | None = None, **fields: bool) -> ObservedAttempt:
    request = KillRequest(killed_as, TOKEN) if killed_as is not None else None
    return ObservedAttempt(TOKEN, time.monotonic(), None, request, **fields)


def exit_of(code: int) -> ChildExit:
    return ChildExit(code, 0.5, 1000)


@pytest.mark.parametrize(
    ("code", "seen", "outcome", "message"),
    [
        (3, observed(), Outcome.CRASHED, "its process exited with code 3 in mid-flight"),
        (0, observed(), Outcome.CRASHED, "its process exited with code 0 in mid-flight"),
        (-11, observed(), Outcome.CRASHED, "its process was killed by SIGSEGV"),
        (-9, observed(), Outcome.CRASHED, "its process was killed by SIGKILL (possibly out of memory)"),
        (
            -9,
            observed(killed_by_kernel=True),
            Outcome.OUT_OF_MEMORY,
            "the kernel killed its process because memory ran out",
        ),
        (-11, observed(killed_by_kernel=True), Outcome.CRASHED, "its process was killed by SIGSEGV"),
        (-15, observed(), Outcome.CRASHED, "its process was killed by SIGTERM"),
        (-15, observed(stopping=True), Outcome.INTERRUPTED, "the runner was stopped while it ran"),
        (-9, observed(Outcome.CANCELLED), Outcome.CANCELLED, "it was cancelled while it ran"),
        (
            76,
            observed(),
            Outcome.CRASHED,
            "it closed file descriptors that were not its own; its process was ended at once",
        ),
    ],
)
def test_death_without_a_report(code: int, seen: ObservedAttempt, outcome: Outcome, message: str) -> None:
    """How the process died, and why it was ended, make the outcome."""
    finished = resolve_outcome(seen, None, exit_of(code))
    assert (finished.outcome, finished.error_message) == (outcome, message)
    assert (finished.experiment_id, finished.attempt_number) == TOKEN
    assert (finished.exit_code, finished.signal) == ((code, None) if code >= 0 else (None, -code))
    assert (finished.cpu_s, finished.peak_memory_bytes) == (0.5, 1000)


def test_unknown_death() -> None:
    """When nobody knows how a process ended, the experiment is not blamed."""
    assert resolve_outcome(observed(), None, None).outcome is Outcome.LOST


@pytest.mark.parametrize("reported", [Outcome.ERROR, Outcome.INVALID_RESULT])
def test_kill_reason_overrules(reported: Outcome) -> None:
    """What user code made of the SIGTERM does not decide: the attempt is what it was killed as."""
    finished = resolve_outcome(
        observed(Outcome.TIMED_OUT), Finished(*TOKEN, reported, error_type="Stop"), exit_of(0)
    )
    assert (finished.outcome, finished.error_type) == (Outcome.TIMED_OUT, None)


def test_completed_in_the_grace() -> None:
    """An attempt that completes although it was being killed is completed."""
    reported = Finished(*TOKEN, Outcome.COMPLETED, results="{}")
    assert resolve_outcome(observed(Outcome.TIMED_OUT), reported, exit_of(0)).outcome is Outcome.COMPLETED


def test_token_is_the_workers() -> None:
    """Which attempt it was is not taken from the child."""
    finished = resolve_outcome(observed(), Finished(99, 1, Outcome.COMPLETED, results="{}"), exit_of(0))
    assert (finished.experiment_id, finished.attempt_number) == TOKEN


def test_largest_peak() -> None:
    """The peak memory is the largest that anybody saw."""
    reported = Finished(*TOKEN, Outcome.COMPLETED, results="{}", peak_memory_bytes=10, cpu_s=0.1)
    finished = resolve_outcome(observed(), reported, exit_of(0))
    assert (finished.peak_memory_bytes, finished.cpu_s) == (1000, 0.1)
