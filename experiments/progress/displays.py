"""Displays of plain lines (logs, pipes) and JSON lines (programs), and the choice of the display.

JSON lines are an object on each line with `event` and `time`. ``preparation``: `text`, what takes time before
the start. ``progress``: the keys of `progress_data`. ``message``: `level` and `text` of a log message.
``end``: `summary`, as `run --json` or `status --json` prints it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO

from database.queries.throughput import LatestFailure
from experiments.progress.format import failure_text, one_line
from experiments.progress.model import Display, RunProgress


class _LinesDisplay(Display):
    """Writes lines to a stream.

    Parameters
    ----------
    stream : text stream
        Written to.
    every_s : float, optional
        The interval in seconds.
    """

    def __init__(self, stream: TextIO, every_s: float | None = None) -> None:
        self._stream = stream
        self.every_s = self.every_s if every_s is None else every_s

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class PlainDisplay(_LinesDisplay):
    """Prints a line at intervals, and below it the cause of a failure that it has not printed yet."""

    every_s = 10.0
    _told: LatestFailure | None = None

    def begin_preparation(self, text: str) -> None:
        """Print the preparation."""
        self._write(text)

    def update(self, progress: RunProgress) -> None:
        """Print a line."""
        self._write(one_line(progress))
        failure = progress.latest_failure
        if failure is not None and failure != self._told:
            self._told = failure
            self._write(failure_text(failure))

    def message(self, level: str, text: str) -> None:
        """Print a message."""
        self._write(text)


class JsonLinesDisplay(_LinesDisplay):
    """Writes each event as an object on a line of its own."""

    every_s = 1.0
    draws_last = True

    def begin_preparation(self, text: str) -> None:
        """Write the preparation."""
        self._event("preparation", {"text": text})

    def update(self, progress: RunProgress) -> None:
        """Write the progress."""
        self._event("progress", progress_data(progress))

    def message(self, level: str, text: str) -> None:
        """Write a message."""
        self._event("message", {"level": level, "text": text})

    def end(self, summary: Mapping[str, Any]) -> None:
        """Write the summary of the run."""
        self._event("end", {"summary": summary})

    def _event(self, event: str, data: Mapping[str, Any]) -> None:
        line = {"event": event, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), **data}
        self._write(json.dumps(line, default=str))


def progress_data(progress: RunProgress) -> dict[str, Any]:
    """Return the progress as plain data, with stable keys."""
    counts, status, slowest = progress.counts, progress.status, progress.slowest
    failure = progress.latest_failure
    return {
        "series": progress.series,
        "stage": status.stage.name.lower(),
        "experiments": counts.experiments,
        **asdict(counts),
        "elapsed_s": progress.elapsed_s,
        "rate_per_s": progress.rate_per_s or None,
        "remaining_s": progress.remaining_s,
        "slowest": slowest and asdict(slowest),
        "latest_failure": failure and asdict(failure),
        "starting": progress.starting,
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
        ``none``, or as for `display_on`.
    """
    return None if mode == "none" else display_on(sys.stderr, mode)


def display_on(stream: TextIO, mode: str, every_s: float | None = None) -> Display:
    """Return the display for stdout or stderr.

    Parameters
    ----------
    stream : text stream
        One of the two.
    mode : str
        ``json`` or ``plain`` for lines. ``auto`` is live on a terminal that can move its cursor, plain
        otherwise and in continuous integration; ``live`` is live there, too, if it has such a terminal.
    every_s : float, optional
        The interval of lines, in seconds.
    """
    if mode == "json":
        return JsonLinesDisplay(stream, every_s)
    can_redraw = stream.isatty() and os.environ.get("TERM", "") not in {"dumb", "unknown"}
    if can_redraw and (mode == "live" or (mode == "auto" and not os.environ.get("CI"))):
        from rich.console import Console  # noqa: PLC0415 - takes time to load, and most runs do not need it

        from experiments.progress.live import LiveDisplay  # noqa: PLC0415 - as above

        return LiveDisplay(Console(stderr=stream is sys.stderr))
    return PlainDisplay(stream, every_s)


def display_for(display: Display, workers: int) -> Display:
    """Return a display that does not redraw the terminal while experiments run in this process.

    They print to it themselves, or a debugger uses it.
    """
    return PlainDisplay(sys.stderr) if workers == 0 and display.is_live else display
