"""When a worker makes way for a fresh one."""

from __future__ import annotations

import pytest

from experiments.execution.options import Execution
from experiments.worker import recycling
from experiments.worker.recycling import Recycling, resident_bytes


def test_without_limits() -> None:
    """A worker without limits works for ever."""
    never = Recycling(Execution())
    for _ in range(1000):
        never.count()
    assert never.room(7) == 7
    assert not never.is_due()


def test_after_so_many_experiments() -> None:
    """A worker claims no more than it may still run, and then is due."""
    limited = Recycling(Execution(recycle_after=3))
    assert limited.room(10) == 3
    assert not limited.is_due()
    limited.count()
    assert limited.room(1) == 1
    assert limited.room(10) == 2
    limited.count()
    limited.count()
    assert limited.room(10) == 0
    assert limited.is_due()


def test_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Growth counts from the end of the first experiment: what that has loaded, each worker needs."""
    sizes = iter([100, 109, 111])
    monkeypatch.setattr(recycling, "resident_bytes", lambda: next(sizes))
    growing = Recycling(Execution(recycle_growth_bytes=10))
    assert not growing.is_due()
    growing.count()
    assert [growing.is_due() for _ in range(3)] == [False, False, True]


def test_resident_memory() -> None:
    """The resident memory of this process is seen."""
    before = resident_bytes()
    kept = b"x" * (64 << 20)
    assert resident_bytes() - before > len(kept) // 2
