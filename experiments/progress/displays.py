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
    """Prints a line at intervals."""

    every_s = 10.0

    def update(self, progress: RunProgress) -> None:
        """Print a line."""
        self._write(one_line(progress))

    def message(self, level: str, text: str) -> None:
        """Print a message."""
        self._write(text)


class JsonLinesDisplay(_LinesDisplay):
    """Writes each event as an object on a line of its own."""

    every_s = 1.0
    draws_last = True

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
