"""When a process began."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from database import clock, process_identity
from database.process_identity import process_began

#: The kernel counts in hundredths of a second.
TICK_S = 0.02


def test_process_began() -> None:
    """The time of a command counts from the start of its process, with all that it imports."""
    before = clock.monotonic()
    code = "from database import clock; first = clock.monotonic(); "
    code += "from database.process_identity import process_began; print(process_began(), first)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    began, first = map(float, done.stdout.split())
    assert before - TICK_S <= began <= first


@pytest.mark.parametrize("ticks", [-1, 0, 10**18])
def test_unknown_start(ticks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel does not tell, or tells a time to come, it is now."""
    monkeypatch.setattr(process_identity, "_start_ticks", lambda _pid: ticks)
    before = clock.monotonic()
    assert before <= process_began() <= clock.monotonic()
