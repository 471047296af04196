"""The rules that end a run early."""

from __future__ import annotations

import time

import pytest

from experiments.execution.options import StopRule
from experiments.supervisor.stop_rules import TimeBudget, failure_reason


@pytest.mark.parametrize(
    ("rule", "failed", "ended", "verdict"),
    [
        (StopRule(3, is_share=False), 2, 2, None),
        (StopRule(3, is_share=False), 3, 100, "3 experiments failed (stop_after: 3)"),
        (StopRule(0.2, is_share=True, minimum=20), 19, 19, None),
        (StopRule(0.2, is_share=True, minimum=20), 3, 20, None),
        (StopRule(0.2, is_share=True, minimum=20), 4, 20, "4 of 20 experiments failed (stop_after: 20%)"),
        (StopRule(1.0, is_share=True, minimum=1), 0, 0, None),
    ],
    ids=["below", "reached", "too few", "small share", "share", "nothing"],
)
def test_broken(rule: StopRule, failed: int, ended: int, verdict: str | None) -> None:
    """A count stops at once, a share only when enough have ended; the sentence has the numbers."""
    assert failure_reason(rule, failed=failed, ended=ended) == verdict


def test_no_budget() -> None:
    """Without a limit there is always time."""
    budget = TimeBudget(None)
    assert not budget.is_over()
    assert budget.too_short() is None


def test_budget_without_experience() -> None:
    """While no experiment has ended, the whole time may be used."""
    assert TimeBudget(60.0).too_short() is None


def test_budget_too_short_for_typical() -> None:
    """Nothing is begun that would probably take longer than what is left; the median tells."""
    budget = TimeBudget(60.0)
    budget.learn([1.0, 1.0, 500.0])
    assert budget.too_short() is None
    budget.learn([90.0, 90.0, 90.0])
    said = budget.too_short()
    assert said is not None
    assert "(1 min 30 s)" in said
    assert said.startswith("what is left of the max-time of 1 min is too short for a typical experiment")
    assert not budget.is_over()


def test_budget_over() -> None:
    """When the time is up, that is said."""
    budget = TimeBudget(1e-9)
    while not budget.is_over():
        time.sleep(0)
    assert "is over" in str(budget.too_short())
