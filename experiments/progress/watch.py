"""Watching a series from outside, whoever runs it: all there is to see is in the database."""

from __future__ import annotations

import sys
import time
from functools import partial

from database.queries.overview import SeriesSummary
from experiments.progress.choose_display import can_redraw
from experiments.progress.json_lines import JsonLinesDisplay
from experiments.progress.live import LiveDisplay
from experiments.progress.model import Display
from experiments.progress.plain import PlainDisplay
from experiments.progress.poller import Looker, take_look
from experiments.progress.tracker import ProgressTracker

_POLL_S = 0.1


def watch_series(summary: SeriesSummary, display: Display, every_s: float) -> None:
    """Show the progress of a series until nothing of it is left, or it is deleted.

    Parameters
    ----------
    summary : SeriesSummary
        The series as it is now.
    every_s : float
        How often to look, in seconds.

    Raises
    ------
    OSError
        The display cannot be reached any more.
    """
    looker = Looker(summary.id, partial(take_look, count_runners=True), every_s)
    with ProgressTracker(summary.id, summary.name, summary.counts, display, looker=looker) as tracker:
        while tracker.failure is None and not looker.is_deleted:
            look = looker.last
            if look is not None and look.is_over:
                break
            time.sleep(_POLL_S)
    if tracker.failure is not None:
        raise tracker.failure


def display_on_stdout(every_s: float, *, as_json: bool) -> Display:
    """Return what shows it on stdout: JSON lines, a picture on a terminal, lines elsewhere."""
    if as_json:
        return JsonLinesDisplay(sys.stdout, every_s)
    if can_redraw(sys.stdout.isatty()):
        from rich.console import Console

        return LiveDisplay(Console())
    return PlainDisplay(sys.stdout, every_s)
