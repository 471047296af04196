"""Watching a series from any process: everything shown is in the database."""

from __future__ import annotations

import time
from functools import partial

from database.queries.overview import SeriesSummary
from experiments.progress.model import Display
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
