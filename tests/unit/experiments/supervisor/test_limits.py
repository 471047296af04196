"""When a worker must be ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from database.claims.types import Finished
from database.models import Outcome
from experiments.execution.options import Execution
from experiments.journal import JournalReader, JournalWriter
from experiments.supervisor import limits
from experiments.supervisor.limits import Limits, is_stuck


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[JournalWriter]:
    writer = JournalWriter(tmp_path / "w é.journal")
    yield writer
    writer.close(orderly=True)


def read(tmp_path: Path) -> JournalReader:
    reader = JournalReader(tmp_path / "w é.journal")
    reader.poll()
    return reader


@pytest.mark.parametrize(
    ("timeout_s", "outcome"), [(None, None), (3600.0, None), (0.0, Outcome.TIMED_OUT)], ids=str
)
def test_timeout(
    tmp_path: Path, journal: JournalWriter, timeout_s: float | None, outcome: Outcome | None
) -> None:
    """An experiment that runs longer than its limit is timed out."""
    journal.started((1, 1))
    found = Limits(Execution(timeout_s=timeout_s)).exceeded(read(tmp_path), os.getpid())
    assert (found.outcome if found else None) is outcome


def test_no_timeout_between_experiments(tmp_path: Path, journal: JournalWriter) -> None:
    """A worker that is at nothing has no experiment to time out."""
    journal.started((1, 1))
    journal.finished(Finished(1, 1, Outcome.COMPLETED))
    assert Limits(Execution(timeout_s=0.0)).exceeded(read(tmp_path), os.getpid()) is None


@pytest.mark.parametrize(
    ("execution", "outcome"),
    [
        (Execution(memory_bytes=1), Outcome.OUT_OF_MEMORY),
        (Execution(memory_bytes=1 << 50), None),
        (Execution(), None),
        (Execution(memory_bytes=1, isolation="process"), None),
    ],
    ids=["beyond", "within", "no limit", "the worker's own business"],
)
def test_memory(
    tmp_path: Path, journal: JournalWriter, execution: Execution, outcome: Outcome | None
) -> None:
    """A worker that takes more than the limit is out of memory; without a limit it is shown only."""
    journal.started((1, 1))
    checks = Limits(execution)
    found = checks.exceeded(read(tmp_path), os.getpid())
    assert (found.outcome if found else None) is outcome
    assert found is None or found.reason.endswith("more than execute.memory = 1 bytes")
    assert checks.memory_bytes is not None


@pytest.fixture
def stopped() -> Iterator[int]:
    """Return the pid of a process that is stopped."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    os.kill(process.pid, signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)
    yield process.pid
    process.kill()
    process.communicate()


def test_stuck(tmp_path: Path, journal: JournalWriter, stopped: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that records for too long is stuck when it is stopped, or when the database answers others."""
    monkeypatch.setattr(limits, "STUCK_S", 0.0)
    journal.started((1, 1))
    journal.finished(Finished(1, 1, Outcome.COMPLETED))
    found, here = read(tmp_path), os.getpid()
    long_ago, now = time.monotonic() - 60.0, time.monotonic()
    assert not is_stuck(found, here, answered_at=long_ago, patience_s=0.0)
    assert is_stuck(found, here, answered_at=now, patience_s=0.0)
    assert not is_stuck(found, here, answered_at=now, patience_s=60.0)  # the target is imported again
    assert is_stuck(found, stopped, answered_at=long_ago)


def test_patience_with_recording(tmp_path: Path, journal: JournalWriter, stopped: int) -> None:
    """Nobody is stuck before half a minute has gone by, and nobody while an experiment runs."""
    journal.started((1, 1))
    journal.finished(Finished(1, 1, Outcome.COMPLETED))
    assert not is_stuck(read(tmp_path), stopped, answered_at=time.monotonic())
