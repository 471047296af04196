"""What a supervisor sends to its worker."""

from __future__ import annotations

import multiprocessing
import os

import pytest

from database.claims.types import Finished
from database.models import Outcome
from experiments.execution.worker_control import STOP, KillRequest, WorkerControl, ended_from_outside


def test_without_a_supervisor() -> None:
    """Without a supervisor nothing ever arrives."""
    control = WorkerControl(None)
    assert not control.is_stopped()
    assert control.kill_request((1, 1)) is None
    assert control.fileno() is None


def test_stop() -> None:
    """The message to stop kills no attempt."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    control = WorkerControl(reader)
    assert not control.is_stopped()
    writer.send_bytes(STOP)
    assert control.is_stopped()
    assert control.kill_request((1, 1)) is None


def test_closed_pipe() -> None:
    """A supervisor that is gone means to stop."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    control = WorkerControl(reader)
    writer.close()
    assert control.is_stopped()
    assert control.is_stopped()
    assert control.fileno() is None


def test_closed_by_an_experiment() -> None:
    """A worker whose end of the pipe was closed by an experiment stops."""
    reader, _writer = multiprocessing.Pipe(duplex=False)
    control = WorkerControl(reader)
    os.close(reader.fileno())
    assert control.is_stopped()
    reader._handle = None  # type: ignore[attr-defined]  # it must not close the descriptor's next owner


@pytest.mark.parametrize("text", ["", "it took 812 MB, more than execute.memory = 500 MB", "é" * 10_000])
def test_kill_request(text: str) -> None:
    """A killed attempt is known by its token, with the reason; the worker stops after it."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    control = WorkerControl(reader)
    writer.send_bytes(KillRequest(Outcome.OUT_OF_MEMORY, (7, 2), text).encode())
    writer.send_bytes(STOP)
    assert control.kill_request((7, 2)) == KillRequest(Outcome.OUT_OF_MEMORY, (7, 2), text[:500])
    assert control.is_stopped()


def test_kill_request_for_the_attempt_before() -> None:
    """What is ended in the place of an attempt that ended by itself is nobody's fault."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    writer.send_bytes(KillRequest(Outcome.TIMED_OUT, (7, 2)).encode())
    assert WorkerControl(reader).kill_request((8, 1)) == KillRequest(Outcome.LOST, (8, 1))


@pytest.mark.parametrize(
    ("outcome", "part"),
    [
        (Outcome.TIMED_OUT, "after 1.5 s, which is longer than execute.timeout"),
        (Outcome.OUT_OF_MEMORY, "because memory ran out"),
        (Outcome.INTERRUPTED, "the runner was stopped"),
        (Outcome.CANCELLED, "it was cancelled"),
        (Outcome.LOST, "its worker was stopped"),
    ],
)
def test_ended_from_outside(outcome: Outcome, part: str) -> None:
    """An attempt that was ended is what it was ended as; its traceback still shows where it was."""
    failed = Finished(1, 1, Outcome.ERROR, duration_s=1.5, error_type="E", error_message="m", traceback="t")
    ended = ended_from_outside(failed, outcome, None)
    assert (ended.outcome, ended.error_type, ended.traceback) == (outcome, None, "t")
    assert part in (ended.error_message or "")
    assert ended_from_outside(failed, outcome, "because").error_message == "because"
