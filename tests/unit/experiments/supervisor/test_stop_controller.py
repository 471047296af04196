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
from experiments.supervisor.stop_controller import StopController


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
