"""The status of series, as the command `status` and a web page show it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session

from database.queries.failures import LATEST, failure_counts
from database.queries.overview import SeriesSummary, series_summaries
from database.queries.throughput import Activity, Delays, activity, delays


@dataclass(frozen=True)
class SeriesStatus:
    """The status of a series, and the progress of the work on it.

    Attributes
    ----------
    summary : SeriesSummary
        The series, with its counts per status.
    activity : Activity
        Who works on it, and how fast.
    failures : dict of str to int
        The number of the latest failures by outcome, the most frequent first; see `failures.LATEST`.
    delays : Delays
        The experiments whose retry is delayed.
    """

    summary: SeriesSummary
    activity: Activity
    failures: dict[str, int]
    delays: Delays


def series_statuses(session: Session, series_ids: Collection[int] | None = None) -> list[SeriesStatus]:
    """Return the status of series, in the order they were created; see `series_summaries`."""
    return [
        SeriesStatus(
            summary,
            activity(session, summary),
            failure_counts(session, summary.id, latest=LATEST) if summary.counts.failed else {},
            delays(session, summary.id),
        )
        for summary in series_summaries(session, series_ids)
    ]
