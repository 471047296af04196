"""Watching a series from any process: everything shown is in the database."""

from __future__ import annotations

import sys
import time
from functools import partial

from database.queries.overview import SeriesSummary
from experiments.progress.choose_display import can_redraw
from experiments.progress.json_lines import JsonLinesDisplay
from experiments.progress.model import Display
from experiments.progress.plain import PlainDisplay
from experiments.progress.poller import Poller, take_snapshot
from experiments.progress.tracker import ProgressTracker

_POLL_S = 0.1


def watch_series(summary: SeriesSummary, display: Display, every_s: float) -> None:
    """Show the progress of a series until it is over or deleted.

    Parameters
    ----------
    summary : SeriesSummary
        The current state of the series.
    every_s : float
        How often to poll, in seconds.

    Raises
    ------
    OSError
        The display cannot be written to any more.
    """
    poller = Poller(summary.id, partial(take_snapshot, count_runners=True), every_s)
    with ProgressTracker(summary.id, summary.name, summary.counts, display, poller=poller) as tracker:
        while tracker.failure is None and not poller.is_deleted:
            snapshot = poller.last
            if snapshot is not None and snapshot.is_over:
                break
            time.sleep(_POLL_S)
    if tracker.failure is not None:
        raise tracker.failure


def display_on_stdout(every_s: float, *, as_json: bool) -> Display:
    """Return the display for stdout: JSON lines, live on a terminal, plain lines elsewhere."""
    if as_json:
        return JsonLinesDisplay(sys.stdout, every_s)
    if can_redraw(sys.stdout.isatty()):
        from experiments.progress.live import live_on_stdout  # loads rich

        return live_on_stdout()
    return PlainDisplay(sys.stdout, every_s)
