"""How progress is displayed: a line, JSON, or live on a terminal; and which display is chosen where."""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from database.counters import StatusCounts
from database.models import Outcome
from database.queries.throughput import LatestFailure
from experiments.execution.assignment import RunnerStatus, Stage, WorkerStatus
from experiments.progress.displays import (
    JsonLinesDisplay,
    PlainDisplay,
    choose_display,
    display_for,
)
from experiments.progress.format import failure_text, one_line, parameters_text, rate_text
from experiments.progress.live import LiveDisplay
from experiments.progress.model import RunProgress, Slowest

WORKERS = (
    WorkerStatus(11, 7, 1, busy_s=3725.0, memory_bytes=300 << 20),
    WorkerStatus(12, 8, 1, busy_s=2.0, memory_bytes=3 << 30),
    WorkerStatus(13),
)


def progress(**others: Any) -> RunProgress:
    counts = StatusCounts(pending=5, running=2, completed=2, failed=1)
    return replace(RunProgress("s", counts, elapsed_s=100.0, rate_per_s=2.5, remaining_s=200.0), **others)


FAILURE = LatestFailure(3, 2, Outcome.ERROR, "ValueError: no [red]lr, at train.py:3 in main", retried=False)


def full() -> RunProgress:
    return progress(
        slowest=Slowest(7, 3725.0, {"lr": 0.1, "model": {"name": "résumé[red]", "depth": 2}}),
        latest_failure=FAILURE,
        silent_s=12.4,
        status=RunnerStatus(Stage.DRAINING, WORKERS, waiting=3, reason="3 experiments have failed"),
    )


def terminal(width: int, **options: Any) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, **options)


def drawn(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def lines_of(console: Console, shown: RunProgress) -> list[str]:
    LiveDisplay(console).update(shown)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn(console)).replace("\r", "")
    return [line.rstrip() for line in plain.splitlines() if line.strip()]


def test_line() -> None:
    """A line tells done, running, failed, rate, time elapsed and left."""
    line = "s: 3/10 done, 2 running, 1 failed, 2.5/s, 1 min 40 s elapsed, 3 min 20 s left"
    assert one_line(progress()) == line
    assert "elapsed" not in one_line(progress(elapsed_s=None))  # another process runs the series


def test_line_of_a_start() -> None:
    """Before the first experiment begins a line tells how many workers start, at most what there is to do."""
    waiting = progress(counts=StatusCounts(pending=5), status=RunnerStatus(starting=2))
    assert one_line(waiting).startswith("s: starting 2 workers, 0/5 done")
    assert "starting 1 worker," in one_line(replace(waiting, counts=StatusCounts(pending=1)))
    assert "starting" not in one_line(replace(waiting, counts=StatusCounts(completed=5)))
    stopping = RunnerStatus(Stage.DRAINING, starting=2)
    assert "starting" not in one_line(replace(waiting, status=stopping))


def test_cause_of_a_failure() -> None:
    """The cause is one line, the message first, which cannot rewrite the screen and is not read as markup."""
    assert failure_text(FAILURE) == f"experiment 3 failed: {FAILURE.reason}"
    again = replace(FAILURE, reason="timed out", retried=True)
    assert failure_text(again) == "experiment 3 failed, is tried again: timed out"
    hostile = replace(FAILURE, reason="\x1b[2J\x07a\tb\u202e\udc80\x9b" + "x" * 10_000)
    text = failure_text(hostile)
    assert text.isprintable()
    assert len(text) < 500
    assert text.startswith(r"experiment 3 failed: \x1b[2J\x07a\tb\u202e\udc80\x9bxxx")


@pytest.mark.parametrize("width", [30, 80])
def test_cause_in_the_picture(width: int) -> None:
    """The cause is below the figures, cut to the width of the terminal, also where characters are wide."""
    wide = replace(FAILURE, reason="学習率が大きすぎます" * 20)
    found = lines_of(terminal(width), progress(latest_failure=wide))
    [cause] = [line for line in found if "experiment 3" in line]
    assert width - 2 <= cell_len(cause) <= width
    assert cause.endswith("…")
    assert not any("学" in line for line in found if line != cause)


def test_lines_of_causes() -> None:
    """Plain lines tell each cause once, below the line of the progress."""
    stream = io.StringIO()
    display = PlainDisplay(stream)
    other = replace(FAILURE, experiment=4)
    for failure in (None, FAILURE, FAILURE, other, other):
        display.update(progress(latest_failure=failure))
    causes = [line for line in stream.getvalue().splitlines() if "done" not in line]
    assert causes == [failure_text(FAILURE), failure_text(other)]


def test_cancelled_are_told_apart() -> None:
    """What was cancelled is neither done nor to be done: without it, all that is left makes a full bar."""
    shown = progress(counts=StatusCounts(running=1, completed=5, failed=1, cancelled=13))
    assert one_line(shown).startswith("s: 6/7 done, 1 running, 1 failed, 13 cancelled")
    name, figures, *_ = lines_of(terminal(80), shown)
    assert name.endswith(" 6/7")
    assert "13 cancelled" in figures
    for counts in (StatusCounts(completed=2, cancelled=8), StatusCounts(cancelled=3)):
        bars = [
            lines_of(terminal(80), progress(counts=each))[0] for each in (counts, StatusCounts(completed=2))
        ]
        assert bars[0].count("━") == bars[1].count("━")
        assert "╸" not in bars[0]


def test_line_of_a_database_that_is_away() -> None:
    """A silent database, waiting results and the reason of a stop come first."""
    assert one_line(full()).startswith(
        "s: 3 experiments have failed, finishing what runs; Ctrl-C again stops at once, "
        "the database has not answered for 12 s; 3 results wait in the journals, 3/10 done"
    )
    assert "no live runner" in one_line(progress(runners=0))
    assert "paused" in one_line(progress(paused=True))


def test_rates() -> None:
    """A rate has the unit in which it is no small fraction."""
    assert [rate_text(rate) for rate in (12_345.6, 2.5, 0.5, 1 / 1800, 1e-5)] == [
        "12346/s",
        "2.5/s",
        "30/min",
        "2/h",
        "0.036/h",
    ]


def test_parameters_in_short() -> None:
    """Parameters are named with dots, cut when long, and cannot rewrite the screen."""
    assert parameters_text({"a": {"b": 1}, "c": "x"}) == "a.b=1 c=x"
    assert parameters_text({"a": {"b": 1}, "a.b": 2}) == 'a.b=1 ["a.b"]=2'  # written through the models
    assert len(parameters_text({"c": "x" * 500})) == 80
    assert "\x1b" not in parameters_text({"c": "\x1b[2J", "d": ["\u202e"]})


def test_plain_lines() -> None:
    """LogQueue and progress are lines of the same stream."""
    stream = io.StringIO()
    display = PlainDisplay(stream)
    display.update(progress())
    display.message("warning", "warning: beware")
    display.end({})
    assert stream.getvalue() == f"{one_line(progress())}\nwarning: beware\n"


def test_json_lines() -> None:
    """Each line is an object with stable keys; the last one has the summary."""
    stream = io.StringIO()
    display = JsonLinesDisplay(stream)
    display.update(full())
    display.update(RunProgress("s", StatusCounts()))
    display.message("warning", "beware\nof é")
    display.end({"exit_code": 0})
    found, empty, message, end = map(json.loads, stream.getvalue().splitlines())
    assert {**found, "time": None} == {
        "event": "progress",
        "time": None,
        "series": "s",
        "stage": "draining",
        "experiments": 10,
        "pending": 5,
        "running": 2,
        "completed": 2,
        "failed": 1,
        "cancelled": 0,
        "retired": 0,
        "elapsed_s": 100.0,
        "rate_per_s": 2.5,
        "remaining_s": 200.0,
        "slowest": {
            "experiment": 7,
            "busy_s": 3725.0,
            "parameters": {"lr": 0.1, "model": {"name": "résumé[red]", "depth": 2}},
        },
        "latest_failure": {
            "experiment": 3,
            "attempt": 2,
            "outcome": "error",
            "reason": "ValueError: no [red]lr, at train.py:3 in main",
            "retried": False,
        },
        "starting": 0,
        "workers": [
            {"pid": 11, "experiment": 7, "attempt": 1, "busy_s": 3725.0, "memory_bytes": 300 << 20},
            {"pid": 12, "experiment": 8, "attempt": 1, "busy_s": 2.0, "memory_bytes": 3 << 30},
            {"pid": 13, "experiment": None, "attempt": None, "busy_s": 0.0, "memory_bytes": None},
        ],
        "runners": None,
        "paused": False,
        "database_silent_s": 12.4,
        "waiting": 3,
        "reason": "3 experiments have failed",
    }
    assert (empty["slowest"], empty["rate_per_s"], empty["workers"]) == (None, None, [])
    assert (empty["latest_failure"], empty["elapsed_s"]) == (None, None)
    assert (message["event"], message["level"], message["text"]) == ("message", "warning", "beware\nof é")
    assert (end["event"], end["summary"]) == ("end", {"exit_code": 0})


def test_bytes_of_json_lines() -> None:
    """Progress, message and end are written with these keys in this order, whatever draws elsewhere."""
    stream = io.StringIO()
    display = JsonLinesDisplay(stream)
    display.update(progress(status=RunnerStatus(workers=WORKERS[:1]), slowest=Slowest(7, 3.5, {"a": "é"})))
    display.message("warning", "[red]é")
    display.end({"exit_code": 0})
    assert re.sub(r'"time": "[^"]*"', '"time": 0', stream.getvalue()) == (
        '{"event": "progress", "time": 0, "series": "s", "stage": "running", "experiments": 10, '
        '"pending": 5, "running": 2, "completed": 2, "failed": 1, '
        '"cancelled": 0, "retired": 0, "elapsed_s": 100.0, "rate_per_s": 2.5, "remaining_s": 200.0, '
        '"slowest": {"experiment": 7, "busy_s": 3.5, "parameters": {"a": "\\u00e9"}}, '
        '"latest_failure": null, "starting": 0, '
        '"workers": [{"pid": 11, "experiment": 7, "attempt": 1, "busy_s": 3725.0, '
        '"memory_bytes": 314572800}], "runners": null, "paused": false, '
        '"database_silent_s": 0.0, "waiting": 0, "reason": null}\n'
        '{"event": "message", "time": 0, "level": "warning", "text": "[red]\\u00e9"}\n'
        '{"event": "end", "time": 0, "summary": {"exit_code": 0}}\n'
    )


def test_picture() -> None:
    """The picture has a bar, the figures, the slowest experiment, the memory, and what is unusual."""
    bar, *others = lines_of(terminal(100), full())
    assert re.fullmatch(r"s ━+╸?╺?━* +3/10", bar)
    assert others == [
        "2 running, 5 pending, 1 failed, 2.5/s, 1 min 40 s elapsed, 3 min 20 s left",
        "experiment 3 failed: ValueError: no [red]lr, at train.py:3 in main",
        "slowest: experiment 7 for 1 h 2 min: lr=0.1 model.name=résumé[red] model.depth=2",
        "3 workers with 3.3 GiB, the largest 3.0 GiB (experiment 8)",
        "3 experiments have failed",
        "finishing what runs; Ctrl-C again stops at once",
        "the database has not answered for 12 s; 3 results wait in the journals",
    ]


@pytest.mark.parametrize("width", [20, 40, 59, 60, 200])
def test_narrow_terminals(width: int) -> None:
    """No line is wider than the terminal, and none of the figures is lost."""
    shown = replace(full(), series="a-series-with-a-very-long-name-" * 3)
    found = lines_of(terminal(width), shown)
    assert max(map(cell_len, found)) <= width
    text = " ".join(found)
    for part in ("3/10", "1 failed", "2.5/s", "experiment 7", "3.3 GiB", "12 s"):
        assert part in text


def test_names_are_no_markup() -> None:
    """Neither the name of a series nor the reason of a stop is read as markup or as a format."""
    shown = progress(
        series="s[red]{x}[/red]", status=RunnerStatus(Stage.DRAINING, reason="[bold]why[/bold] {y}")
    )
    name, _, reason, *_ = lines_of(terminal(80), shown)
    assert name.startswith("s[red]{x}[/red] ")
    assert reason == "[bold]why[/bold] {y}"


def test_short_experiments_are_not_slow() -> None:
    """Of experiments that take no second none is named."""
    assert not any("slowest" in line for line in lines_of(terminal(80), progress(slowest=Slowest(7, 0.4))))


def test_messages_stand_above() -> None:
    """A message is printed once; the picture is drawn again below it."""
    console = terminal(80)
    display = LiveDisplay(console)
    display.update(progress())
    display.message("warning", "warning: [bold]beware")
    display.update(progress())
    display.close()
    assert drawn(console).count("warning: [bold]beware\n") == 1
    assert drawn(console).endswith("\x1b[2K") or "\x1b[1A" in drawn(console)


def test_cursor_stays_visible() -> None:
    """Who is killed while it draws leaves a terminal with a cursor."""
    console = terminal(80)
    LiveDisplay(console).update(progress())
    assert drawn(console).rfind("\x1b[?25h") > drawn(console).rfind("\x1b[?25l")


def test_narrower_while_it_draws() -> None:
    """When the terminal has broken the lines of the last picture, all of them are taken away."""
    console = terminal(80)
    display = LiveDisplay(console)
    display.update(progress())
    before = len(drawn(console))
    console.width = 30
    display.update(progress())
    # The bar became 3 lines, and so did the figures: six lines, and the cursor is on the last.
    assert drawn(console)[before:].count("\x1b[1A") == 5


def test_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR leaves the picture without any colour."""
    monkeypatch.setenv("NO_COLOR", "1")
    console = terminal(80, color_system="truecolor")
    LiveDisplay(console).update(full())
    assert not re.search(r"\x1b\[(?:3|4|9)\d", drawn(console))


def test_begins_anew_after_it_was_closed() -> None:
    """A display shows one series after another."""
    console = terminal(80)
    display = LiveDisplay(console)
    display.close()
    for name in ("first", "second"):
        display.update(progress(series=name))
        display.close()
    assert "first" in drawn(console)
    assert "second" in drawn(console)


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)


def test_on_a_terminal(on_terminal: None) -> None:
    """A terminal gets the picture, unless something else is asked for."""
    assert isinstance(choose_display(), LiveDisplay)
    assert isinstance(choose_display("plain"), PlainDisplay)
    assert isinstance(choose_display("json"), JsonLinesDisplay)
    assert choose_display("none") is None


def test_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log gets lines, also when a picture is asked for."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert isinstance(choose_display(), PlainDisplay)
    assert isinstance(choose_display("live"), PlainDisplay)


def test_on_a_terminal_that_cannot_redraw(on_terminal: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """TERM=dumb gets lines."""
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(choose_display("live"), PlainDisplay)


def test_in_continuous_integration(on_terminal: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI gets lines, whatever its stderr pretends to be, unless a picture is asked for."""
    monkeypatch.setenv("CI", "true")
    assert isinstance(choose_display(), PlainDisplay)
    assert isinstance(choose_display("live"), LiveDisplay)


def test_in_one_process() -> None:
    """Experiments that run in this process have the terminal for themselves."""
    live, lines = LiveDisplay(terminal(80)), JsonLinesDisplay(sys.stderr)
    assert isinstance(display_for(live, 0), PlainDisplay)
    assert display_for(lines, 0) is lines
    assert display_for(live, 1) is live
