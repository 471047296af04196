"""Displays of plain lines (logs, pipes) and JSON lines (programs), and the choice of the display.

JSON lines are an object on each line with `event` and `time`. ``progress``: the keys of `progress_data`.
``message``: `level` and `text` of a log message. ``end``: `summary`, as `run --json` or `status --json`
prints it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO

from experiments.progress.format import one_line
from experiments.progress.model import Display, RunProgress

MODES = ("auto", "live", "plain", "json", "none")


class PlainDisplay(Display):
    """Prints a line at intervals.

    Parameters
    ----------
    stream : text stream
        Written to.
    every_s : float
        The interval in seconds.
    """

    def __init__(self, stream: TextIO, every_s: float = 10.0) -> None:
        self._stream = stream
        self.every_s = every_s

    def update(self, progress: RunProgress) -> None:
        """Print a line."""
        self._write(one_line(progress))

    def message(self, level: str, text: str) -> None:
        """Print a message."""
        self._write(text)

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class JsonLinesDisplay(Display):
    """Writes each event as an object on a line of its own.

    Parameters
    ----------
    stream : text stream
        Written to.
    every_s : float
        The interval in seconds.
    """

    draws_last = True

    def __init__(self, stream: TextIO, every_s: float = 1.0) -> None:
        self._stream = stream
        self.every_s = every_s

    def update(self, progress: RunProgress) -> None:
        """Write the progress."""
        self._write("progress", progress_data(progress))

    def message(self, level: str, text: str) -> None:
        """Write a message."""
        self._write("message", {"level": level, "text": text})

    def end(self, summary: Mapping[str, Any]) -> None:
        """Write the summary of the run."""
        self._write("end", {"summary": summary})

    def _write(self, event: str, data: Mapping[str, Any]) -> None:
        line = {"event": event, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), **data}
        self._stream.write(json.dumps(line, default=str) + "\n")
        self._stream.flush()


def progress_data(progress: RunProgress) -> dict[str, Any]:
    """Return the progress as plain data, with stable keys."""
    counts, status, slowest = progress.counts, progress.status, progress.slowest
    return {
        "series": progress.series,
        "stage": status.stage.name.lower(),
        "experiments": counts.experiments,
        **asdict(counts),
        "rate_per_s": progress.rate_per_s or None,
        "remaining_s": progress.remaining_s,
        "slowest": slowest and asdict(slowest),
        "workers": [asdict(worker) for worker in status.workers],
        "runners": progress.runners,
        "paused": progress.paused,
        "database_silent_s": progress.silent_s,
        "waiting": status.waiting,
        "reason": status.reason,
    }


def choose_display(mode: str = "auto") -> Display | None:
    """Return the display for stderr; None for no display.

    Parameters
    ----------
    mode : str
        One of `MODES`. ``auto`` is live on a terminal that can move its cursor, plain otherwise, and
        so is ``live`` without such a terminal.
    """
    if mode == "none":
        return None
    if mode == "json":
        return JsonLinesDisplay(sys.stderr)
    if mode != "plain" and can_redraw(sys.stderr.isatty()) and (mode == "live" or not os.environ.get("CI")):
        from experiments.progress.live import LiveDisplay  # noqa: PLC0415 - loads rich, which most runs do not need

        return LiveDisplay()
    return PlainDisplay(sys.stderr)


def can_redraw(is_terminal: bool) -> bool:
    """Return whether the terminal can redraw in place."""
    return is_terminal and os.environ.get("TERM", "") not in {"dumb", "unknown"}


def display_for(display: Display, workers: int) -> Display:
    """Return a display that does not redraw the terminal while experiments run in this process.

    They print to it themselves, or a debugger uses it.
    """
    return PlainDisplay(sys.stderr) if workers == 0 and display.is_live else display


def display_on_stdout(every_s: float, *, as_json: bool) -> Display:
    """Return the display for stdout: JSON lines, live on a terminal, plain lines elsewhere."""
    if as_json:
        return JsonLinesDisplay(sys.stdout, every_s)
    if can_redraw(sys.stdout.isatty()):
        from experiments.progress.live import live_on_stdout  # noqa: PLC0415 - loads rich

        return live_on_stdout()
    return PlainDisplay(sys.stdout, every_s)
