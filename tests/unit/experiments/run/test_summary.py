"""What is told at the end of a run."""

from __future__ import annotations

from typing import Any

import pytest

from database.counters import StatusCounts
from experiments.run.summary import RunSummary


def summary(after: StatusCounts, **others: Any) -> RunSummary:
    failures = {"error": 1, "crashed": 1} if after.failed else {}
    before = StatusCounts(pending=9, completed=1)
    here = after.completed - before.completed
    return RunSummary("s", None, before, after, here, failures, 4.2, **{"stopped_by": None, **others})


def test_failures_by_cause() -> None:
    """The summary counts failures by cause and names the command that shows them."""
    told = summary(StatusCounts(completed=8, failed=2))
    assert str(told).splitlines() == [
        "s: 8 of 10 experiments completed (7 in this run, 4.2 s)",
        "2 failed: 1 error, 1 crashed; see: experiments failures s",
    ]
    assert told.exit_code == 1
    assert summary(StatusCounts(completed=10)).exit_code == 0


def test_cancelled() -> None:
    """Cancelled experiments are counted, with the commands that show them and bring them back."""
    told = summary(StatusCounts(completed=5, failed=2, cancelled=3))
    assert str(told).splitlines()[2:] == [
        (
            "3 cancelled; see: experiments list s --status cancelled; "
            "`experiments retry s --status cancelled` brings them back"
        )
    ]
    assert summary(StatusCounts(completed=7, cancelled=3)).exit_code == 0
    assert "cancelled" not in str(summary(StatusCounts(completed=10)))
    one = str(summary(StatusCounts(cancelled=1)))
    assert one.startswith("s: 0 of 1 experiment completed")
    assert one.endswith("`experiments retry s --status cancelled` brings it back")


def test_stopped_by_a_signal() -> None:
    """A stopped run says what is left and how to go on; its exit code is the signal's."""
    after = StatusCounts(completed=4, pending=6)
    told = summary(after, stopped_by=2)
    assert "stopped; 6 are left: the same command resumes them" in str(told)
    assert told.exit_code == 130
    assert summary(after, stopped_by=15).exit_code == 143
    assert summary(after, stopped_by=2, rule="too many").exit_code == 130


def test_stopped_by_a_rule() -> None:
    """A rule is named; the exit code is 4, whatever has failed."""
    told = summary(StatusCounts(completed=4, failed=2, pending=4), rule="2 experiments have failed")
    assert (
        str(told).splitlines()[-1]
        == "stopped by a rule: 2 experiments have failed; 4 are left: the same command resumes them"
    )
    assert told.exit_code == 4
    assert told.as_data()["rule"] == "2 experiments have failed"


def test_database_away_at_the_end() -> None:
    """Results that the database did not get are told, and how it gets them."""
    told = summary(StatusCounts(completed=4, pending=6), stopped_by=2, waiting=3)
    last = str(told).splitlines()[-1]
    assert last == "the database was away; 3 results wait in the journals: running again here records them"
    assert told.as_data()["waiting"] == 3
    assert "1 result waits in the journals" in str(summary(StatusCounts(pending=6), waiting=1))


def test_work_elsewhere() -> None:
    """What other runners still have is told, and what the file no longer names."""
    assert "3 are left with other runners" in str(summary(StatusCounts(completed=7, running=3)))
    assert "2 are no longer named" in str(summary(StatusCounts(completed=10, retired=2)))


@pytest.mark.parametrize(
    ("left", "told"),
    [(0, "stopped; nothing is left"), (1, "stopped; 1 is left: the same command resumes it")],
)
def test_little_is_left(left: int, told: str) -> None:
    """One experiment, and none, are told as such."""
    assert str(summary(StatusCounts(completed=7, pending=left), stopped_by=2)).endswith(told)


def test_paused() -> None:
    """A pause is told with the command that ends it."""
    told = summary(StatusCounts(completed=7, pending=3), paused=True)
    assert str(told).endswith("paused; 3 are left: experiments edit s --resume")
    assert told.exit_code == 4
