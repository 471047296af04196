"""The tracker: it shows what is known, and holds up nobody."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from database import clock
from database.counters import StatusCounts
from database.errors import NotFoundError
from database.models import Outcome
from database.queries.overview import SeriesSummary
from database.queries.throughput import Durations, LatestFailure, RunningNow
from experiments.execution.assignment import RunnerStatus, Stage, WorkerStatus
from experiments.progress.displays import PlainDisplay
from experiments.progress.model import Display, RunProgress
from experiments.progress.poller import Poller, Snapshot
from experiments.progress.tracker import ProgressTracker

PATIENCE_S = 30
BEFORE = StatusCounts(pending=10)
BUSY = RunnerStatus(
    Stage.RUNNING, workers=(WorkerStatus(1, 7, 1, busy_s=90.0), WorkerStatus(2, 8, 1, busy_s=2.0))
)

FAILURE = LatestFailure(3, 1, Outcome.ERROR, "ValueError: no, at train.py:3 in main", retried=False)


def looked(**counts: int) -> Snapshot:
    return Snapshot(
        "s",
        StatusCounts(**counts),
        paused=False,
        taken_at=time.monotonic(),
        durations=Durations([60.0]),
        running=[RunningNow(7, 30.0)],
        parameters={7: {"lr": 0.1}},
        latest_failure=FAILURE,
    )


def summary() -> SeriesSummary:
    now = datetime.now(UTC)
    return SeriesSummary(1, "s", "s", "", [], "m.f", "ready", now, 1, "", now, "", False, 0, BEFORE)


class Recording(Display):
    """A display that remembers; `until` waits for what was shown."""

    every_s = 0.01
    draws_last = True

    def __init__(self) -> None:
        self.shown: list[RunProgress] = []
        self.messages: list[str] = []
        self.closed = 0
        self._news = threading.Condition()

    def update(self, progress: RunProgress) -> None:
        with self._news:
            self.shown.append(progress)
            self._news.notify_all()

    def message(self, level: str, text: str) -> None:
        with self._news:
            self.messages.append(f"{level} {text}")
            self._news.notify_all()

    def close(self) -> None:
        self.closed += 1

    def end(self, summary: Mapping[str, Any]) -> None:
        raise AssertionError("the tracker knows of no summary")

    def until(self, what: Any) -> RunProgress:
        with self._news:
            assert self._news.wait_for(lambda: self.shown and what(self.shown[-1]), PATIENCE_S)
            return self.shown[-1]


def tracker(display: Any, look: Any) -> ProgressTracker:
    poller = Poller(summary(), look, every_s=0.01)
    begun = time.monotonic() - 90
    return ProgressTracker(poller, display, begun=begun, status=RunnerStatus(starting=2))


def test_shows_what_both_say() -> None:
    """Counts, time left and the failure come from the database, the slowest and memory from the runner."""
    display = Recording()
    wanted: list[Collection[int]] = []

    def look(_series: int, asked: Collection[int]) -> Snapshot:
        wanted.append(asked)
        return looked(pending=1, running=2, completed=7)

    with tracker(display, look) as tracked:
        display.until(lambda each: each.starting == 1)
        tracked.observe(BUSY)
        shown = display.until(
            lambda each: each.counts.completed == 7 and each.status.workers and each.slowest.parameters
        )
        assert tracked.counts == StatusCounts(pending=1, running=2, completed=7)
    assert shown.slowest is not None
    assert shown.slowest.experiment == 7
    assert shown.slowest.busy_s >= 90
    assert shown.slowest.parameters == {"lr": 0.1}
    assert shown.status.workers == BUSY.workers
    assert shown.remaining_s is not None
    assert shown.latest_failure == FAILURE
    assert shown.elapsed_s is not None
    assert shown.elapsed_s >= 90
    assert frozenset({7}) in wanted
    assert display.closed == 1


@pytest.mark.parametrize("runners", [None, 0, 1])
def test_time_left_while_somebody_runs(runners: int | None) -> None:
    """A series that no runner is alive of has no time left: it does not go on."""
    display = Recording()
    seen = replace(looked(pending=9, completed=1), runners=runners)
    with tracker(display, lambda *_: seen):
        shown = display.until(lambda each: each.counts.completed)
    assert (shown.remaining_s is None) == (runners == 0)


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_only_completed_ones_are_work(ended: str) -> None:
    """A thousand experiments that were cancelled or failed at once do not count in the rate."""
    display, looks = Recording(), iter([looked(pending=1000, completed=1)])

    def look(_series: int, _asked: Collection[int]) -> Snapshot:
        return next(looks, looked(pending=10, completed=1, **{ended: 990}))

    with tracker(display, look):
        display.until(lambda each: each.counts.pending == 10 and each.counts.completed)
        seen = len(display.shown)
        shown = display.until(lambda _: len(display.shown) > seen + 1)
    assert shown.rate_per_s == 0


def test_observing_never_waits() -> None:
    """Neither a database nor a terminal that hangs holds up the runner; what is known stays."""
    hanging = threading.Event()
    entered = threading.Event()

    class Stuck(Recording):
        def update(self, progress: RunProgress) -> None:
            super().update(progress)
            entered.set()
            hanging.wait(PATIENCE_S)

    def look(_series: int, _wanted: Collection[int]) -> Snapshot:
        hanging.wait(PATIENCE_S)
        return looked()

    tracked = tracker(Stuck(), look).__enter__()
    try:
        assert entered.wait(PATIENCE_S)
        began = time.monotonic()
        for _ in range(1000):
            tracked.observe(BUSY)
        assert time.monotonic() - began < PATIENCE_S  # for which the display hangs
        assert tracked.counts == BEFORE
    finally:
        hanging.set()
        tracked.__exit__(None, None, None)


def test_silent_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database does not answer the last counts stay, with how long ago that was."""
    monkeypatch.setattr("experiments.progress.poller._PATIENCE_S", 0.0)
    display = Recording()
    answers = threading.Event()
    answers.set()

    def look(_series: int, _wanted: Collection[int]) -> Snapshot:
        if answers.is_set():
            return looked(pending=3, completed=7)
        raise OperationalError("SELECT", {}, Exception("gone"))

    with tracker(display, look) as tracked:
        display.until(lambda each: each.counts.completed == 7)
        answers.clear()
        shown = display.until(lambda each: each.silent_s > 0.05)
        assert shown.counts.completed == 7
        tracked.observe(RunnerStatus(Stage.RUNNING, away_s=40.0, waiting=3))
        shown = display.until(lambda each: each.status.waiting == 3)
        assert shown.silent_s == 40.0
        tracked.observe(RunnerStatus(Stage.RUNNING))
        answers.set()
        display.until(lambda each: each.silent_s == 0)


def test_last_numbers_are_true() -> None:
    """At the end there is one more look, and what it found is shown last."""
    display = Recording()
    done = threading.Event()

    def look(_series: int, _wanted: Collection[int]) -> Snapshot:
        return looked(completed=10) if done.is_set() else looked(pending=10)

    poller = Poller(summary(), look, every_s=PATIENCE_S)
    before = poller.last
    tracked = ProgressTracker(poller, display)
    with tracked:
        display.until(lambda _: poller.last is not before)
        done.set()
    assert display.shown[-1].counts == StatusCounts(completed=10)
    assert tracked.counts == StatusCounts(completed=10)


def test_the_end_does_not_wait_for_a_database_that_is_away() -> None:
    """A run that was ended while the database is away ends."""
    hanging = threading.Event()

    def look(_series: int, _wanted: Collection[int]) -> Snapshot:
        hanging.wait(PATIENCE_S)
        return looked()

    began = time.monotonic()
    with tracker(Recording(), look) as tracked:
        tracked.observe(RunnerStatus(Stage.KILLING, away_s=60.0, waiting=2))
    assert time.monotonic() - began < PATIENCE_S  # for which the database is away
    hanging.set()


def test_a_new_stage_is_shown_at_once() -> None:
    """Ctrl-C is answered although a line is not due."""

    class Rare(Recording):
        every_s = float(PATIENCE_S)
        draws_last = False

    display = Rare()
    with tracker(display, lambda *_: looked(pending=3)) as tracked:
        display.until(lambda _: True)
        tracked.observe(RunnerStatus(Stage.DRAINING, reason="enough"))
        assert display.until(lambda each: each.status.stage is Stage.DRAINING).status.reason == "enough"
    assert len(display.shown) == 2


def test_messages_go_through_the_display(capsys: pytest.CaptureFixture[str]) -> None:
    """Meanwhile our log messages are the display's to print; afterwards all is as before."""
    logger = logging.getLogger("experiments")
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(logging.Formatter("<%(message)s>"))
    before, logger.handlers = logger.handlers, [handler]
    display = Recording()
    try:
        with tracker(display, lambda *_: looked()):
            logging.getLogger("experiments.worker.loop").warning("beware of %d", 3)
            display.until(lambda _: display.messages)
        assert logger.handlers == [handler]
    finally:
        logger.handlers = before
    assert display.messages == ["warning <beware of 3>"]
    assert handler.stream.getvalue() == ""


class Gone(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_dead_terminal_does_not_matter() -> None:
    """A terminal that is gone ends no run; messages go where they went before."""
    logger = logging.getLogger("experiments")
    stream = io.StringIO()
    before, logger.handlers = logger.handlers, [logging.StreamHandler(stream)]
    try:
        with tracker(PlainDisplay(Gone()), lambda *_: looked()) as tracked:
            tracked._thread.join(PATIENCE_S)
            tracked.observe(BUSY)
            logger.warning("still here")
        assert isinstance(tracked.failure, BrokenPipeError)
    finally:
        logger.handlers = before
    assert stream.getvalue() == "still here\n"


def test_hidden_and_shown_again() -> None:
    """A hidden display is closed before `hide` returns, and nothing is drawn until `show`."""
    display = Recording()
    with tracker(display, lambda *_: looked(pending=3)) as tracked:
        display.until(lambda _: True)
        tracked.hide(PATIENCE_S)
        assert display.closed == 1
        seen = len(display.shown)
        tracked.show()
        display.until(lambda _: len(display.shown) > seen)
    assert display.closed == 2


def test_a_deleted_series_is_not_asked_for_again() -> None:
    """Looking ends with the series."""
    asked = []

    def look(*_arguments: object) -> Snapshot:
        asked.append(1)
        raise NotFoundError("gone")

    looker = Poller(summary(), look, every_s=0.0)
    looker.start()
    looker._thread.join(PATIENCE_S)
    assert looker.is_deleted
    assert asked == [1]


def test_one_slow_look_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look, which compiles the statements, is not followed by a pause of fifty times its length."""
    now, looks, twice = 0.0, 0, threading.Event()
    monkeypatch.setattr(clock, "monotonic", lambda: now)

    def look(*_arguments: object) -> Snapshot:
        nonlocal now, looks
        looks += 1
        if looks == 1:
            now += 1000
        else:
            twice.set()
        return looked(pending=1)

    looker = Poller(summary(), look, every_s=0.01)
    looker.start()
    assert twice.wait(PATIENCE_S)
    looker.close(PATIENCE_S)


def test_looked_up_slowest() -> None:
    """Of runners elsewhere the database knows what has been running for longest; ages grow between looks."""
    look = replace(looked(running=1), taken_at=time.monotonic() - 10)
    slowest = look.slowest()
    assert slowest is not None
    assert slowest.busy_s >= 40
    assert slowest.parameters == {"lr": 0.1}
    assert replace(look, running=[]).slowest() is None
