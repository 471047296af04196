"""When a run drains, and when it kills what still runs, whichever executor works it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from database.claims.lookups import FirstExperiments
from database.claims.runners import Provenance
from database.counters import Counters
from experiments.execution.assignment import Assignment, Stage
from experiments.execution.options import Execution, RunOptions, StopRule
from experiments.output.results_folder import ResultsFolder
from experiments.processes.stop_signals import StopSignals
from experiments.supervisor.stop_controller import StopController, TimeBudget, failure_reason


class Make(Protocol):
    """Makes the controller of a run with these options and this rule."""

    def __call__(self, options: RunOptions | None = None, rule: StopRule | None = None) -> StopController: ...


@pytest.fixture
def make() -> Iterator[Make]:
    with ExitStack() as entered:

        def controller(options: RunOptions | None = None, rule: StopRule | None = None) -> StopController:
            assignment = Assignment(
                series_id=1,
                series_name="s",
                series_folder="s",
                database_url="sqlite://",
                folder=ResultsFolder(Path("results")),
                provenance=Provenance(),
                executor="serial",
                execution=Execution(stop_rule=rule),
                options=options or RunOptions(),
            )
            return StopController(assignment, entered.enter_context(StopSignals()))

        yield controller


def test_nothing_stops_it(make: Make) -> None:
    """Without signals and rules a run goes on."""
    stop = make()
    assert stop.update() is Stage.RUNNING
    assert (stop.is_stopping, stop.is_overdue(), stop.stopped_by, stop.rule) == (False, False, None, None)


def test_interrupt(make: Make) -> None:
    """After Ctrl-C what runs may finish, however long it takes; the second one kills it."""
    stop = make(RunOptions(grace_s=0.0))
    stop.signals.received.append(signal.SIGINT)
    assert stop.is_stopping
    assert [stop.update(), stop.update(), stop.update()] == [Stage.DRAINING] * 3
    stop.signals.received.append(signal.SIGINT)
    assert stop.update() is Stage.KILLING
    assert stop.stopped_by == signal.SIGINT


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_grace_time(make: Make, number: signal.Signals) -> None:
    """After SIGTERM and SIGHUP what runs has the grace time only."""
    patient, hasty = make(RunOptions(grace_s=3600.0)), make(RunOptions(grace_s=-1.0))
    for stop in (patient, hasty):
        stop.signals.received.append(number)
        assert stop.update() is Stage.DRAINING
    assert patient.update() is Stage.DRAINING
    assert hasty.update() is Stage.KILLING


def test_failures(make: Make) -> None:
    """Too many failures let what runs finish; a signal that was first keeps the rule out of the summary."""
    stop, signalled = (
        make(rule=StopRule(2, is_share=False)),
        make(rule=StopRule(2, is_share=False)),
    )
    signalled.signals.received.append(signal.SIGINT)
    for each in (stop, signalled):
        assert each.has_failure_rule
        each.judge_failures(Counters(completed=5, failed=1))
        each.judge_failures(Counters(completed=5, failed=2))
        assert each.update() is Stage.DRAINING
    assert stop.rule == "2 experiments failed (stop_after: 2)"
    assert signalled.rule is None


def test_wall_time(make: Make) -> None:
    """When the wall time is over, what still runs is killed: first it may finish, for a moment."""
    stop = make(RunOptions(max_time_s=0.0))
    assert [stop.update(), stop.update()] == [Stage.DRAINING, Stage.KILLING]
    assert stop.rule == "the max-time of 0 ms is over"


def test_canaries(make: Make) -> None:
    """The rest follows when the first experiment of each configuration has ended, unless one has failed."""
    stop = make(RunOptions(canary=True))
    stop.judge_canaries(FirstExperiments(failed=0, awaited=True))
    assert (stop.canary, stop.update()) == (True, Stage.RUNNING)
    stop.judge_canaries(FirstExperiments(failed=0, awaited=False))
    assert (stop.canary, stop.update()) == (False, Stage.RUNNING)
    stop = make(RunOptions(canary=True))
    stop.judge_canaries(FirstExperiments(failed=1, awaited=True))
    assert stop.update() is Stage.DRAINING
    assert stop.rule == "1 of the first experiments of each configuration failed (--canary)"


@pytest.mark.parametrize(
    ("rule", "failed", "ended", "verdict"),
    [
        (StopRule(3, is_share=False), 2, 2, None),
        (StopRule(3, is_share=False), 3, 100, "3 experiments failed (stop_after: 3)"),
        (StopRule(1, is_share=False), 1, 1, "1 experiment failed (stop_after: 1)"),
        (StopRule(0.2, is_share=True, minimum=20), 19, 19, None),
        (StopRule(0.2, is_share=True, minimum=20), 3, 20, None),
        (StopRule(0.2, is_share=True, minimum=20), 4, 20, "4 of 20 experiments failed (stop_after: 20%)"),
        (StopRule(1.0, is_share=True, minimum=1), 0, 0, None),
    ],
    ids=["below", "reached", "one", "too few", "small share", "share", "nothing"],
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
    assert "is too short to begin one" in str(TimeBudget(0.9).too_short())


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
    while not budget.is_over():  # until the clock has moved
        pass
    assert "is over" in str(budget.too_short())
