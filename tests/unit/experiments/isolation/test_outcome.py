"""What is recorded of an attempt, by what its child said and how it died."""

from __future__ import annotations

import time

import pytest

from database.claims.types import Finished
from database.models import Outcome
from experiments.execution.worker_control import Doom
from experiments.isolation.fork_server import Exit
from experiments.isolation.outcome import Case, settle
from experiments.processes.memory import KERNEL_KILL

TOKEN = (7, 2)
LOST_DESCRIPTORS = "it closed file descriptors that were not its own; its process was ended at once"


def case(doom: Outcome | None = None, **fields: bool) -> Case:
    told = Doom(doom, TOKEN) if doom is not None else None
    return Case(TOKEN, time.time(), time.monotonic(), None, told, **fields)


def exit_of(code: int) -> Exit:
    return Exit(code, 0.5, 1000)


@pytest.mark.parametrize(
    ("code", "seen", "outcome", "message"),
    [
        (3, case(), Outcome.CRASHED, "its process exited with code 3 in mid-flight"),
        (0, case(), Outcome.CRASHED, "its process exited with code 0 in mid-flight"),
        (-11, case(), Outcome.CRASHED, "its process was killed by SIGSEGV"),
        (-9, case(), Outcome.CRASHED, "its process was killed by SIGKILL (possibly out of memory)"),
        (-9, case(killed_by_kernel=True), Outcome.OUT_OF_MEMORY, KERNEL_KILL),
        (-11, case(killed_by_kernel=True), Outcome.CRASHED, "its process was killed by SIGSEGV"),
        (-15, case(), Outcome.CRASHED, "its process was killed by SIGTERM"),
        (-15, case(stopping=True), Outcome.INTERRUPTED, "the runner was stopped while it ran"),
        (-9, case(Outcome.CANCELLED), Outcome.CANCELLED, "it was cancelled while it ran"),
        (
            76,
            case(),
            Outcome.CRASHED,
            "it closed file descriptors that were not its own; its process was ended at once",
        ),
    ],
)
def test_death_without_a_word(code: int, seen: Case, outcome: Outcome, message: str) -> None:
    """How the process died, and why it was ended, make the outcome."""
    found = settle(seen, None, exit_of(code))
    assert (found.outcome, found.error_message) == (outcome, message)
    assert (found.experiment_id, found.attempt_number) == TOKEN
    assert (found.exit_code, found.signal) == ((code, None) if code >= 0 else (None, -code))
    assert (found.cpu_s, found.peak_memory_bytes) == (0.5, 1000)


def test_unknown_death() -> None:
    """When nobody knows how a process ended, the experiment is not blamed."""
    assert settle(case(), None, None).outcome is Outcome.LOST


@pytest.mark.parametrize("said", [Outcome.FAILED, Outcome.INVALID_RESULT])
def test_doom_overrules(said: Outcome) -> None:
    """What user code made of the SIGTERM does not decide: the attempt is what it was ended as."""
    found = settle(case(Outcome.TIMED_OUT), Finished(*TOKEN, said, error_type="Stop"), exit_of(0))
    assert (found.outcome, found.error_type) == (Outcome.TIMED_OUT, None)


def test_completed_in_the_grace() -> None:
    """An attempt that completes although it was being ended is completed."""
    said = Finished(*TOKEN, Outcome.COMPLETED, results="{}")
    assert settle(case(Outcome.TIMED_OUT), said, exit_of(0)).outcome is Outcome.COMPLETED


def test_token_is_the_workers() -> None:
    """Which attempt it was is not taken from the child."""
    found = settle(case(), Finished(99, 1, Outcome.COMPLETED, results="{}"), exit_of(0))
    assert (found.experiment_id, found.attempt_number) == TOKEN


def test_largest_peak() -> None:
    """The peak memory is the largest that anybody saw."""
    said = Finished(*TOKEN, Outcome.COMPLETED, results="{}", peak_memory_bytes=10, cpu_s=0.1)
    found = settle(case(), said, exit_of(0))
    assert (found.peak_memory_bytes, found.cpu_s) == (1000, 0.1)
