"""The status of series, as the command `status` and a web page show it.

Read from the ends of indexes, whatever the size of the series.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from database.code_sets import SeriesCodeSets, code_sets, completed_by_code, has_unknown_code, sampled_threads
from database.engine.wrong_use import takes_session
from database.models import Experiment, ExperimentStatus
from database.queries.overview import (
    SeriesSummary,
    database_now,
    failure_counts,
    live_runners,
    series_summaries,
)

#: The rate is computed from at most this many of the latest experiments, within this time.
RATE_SAMPLE = 1000
RATE_WINDOW = timedelta(hours=1)

#: The number of latest failures that are counted where counting all would take too long.
LATEST = 1000


@dataclass(frozen=True)
class SeriesStatus:
    """The status of a series, and the progress of the work on it.

    Attributes
    ----------
    summary : SeriesSummary
        The series, with its counts per status.
    failures : dict of str to int
        The number of the latest failures by outcome, the most frequent first; see `LATEST`.
    delayed : int
        The number of experiments whose retry is delayed; they count as pending.
    first_due_at : datetime or None
        When the first of them is due, by the database's clock.
    runners : int
        Live runners that own experiments of the series.
    last_activity : datetime or None
        The latest start of a running experiment, or end of a finished one.
    rate_per_s : float or None
        Experiments completed per second, over the last `RATE_SAMPLE` within `RATE_WINDOW`. Those that failed
        do not count: many fail at once.
    remaining_s : float or None
        How long the rest takes at that rate, in seconds; None without a live runner.
    other_code : int
        How many completed experiments ran other code than the set that was run last; 0 where a user has
        accepted all sets as one.
    unknown_code : bool
        Whether the code of any completed experiment was not recorded, in a series of before it was.
    threads : tuple of int
        See `database.code_sets.sampled_threads`.
    """

    summary: SeriesSummary
    failures: dict[str, int]
    delayed: int
    first_due_at: datetime | None
    runners: int
    last_activity: datetime | None
    rate_per_s: float | None
    remaining_s: float | None
    other_code: int
    unknown_code: bool
    threads: tuple[int, ...]


@takes_session
def series_statuses(session: Session, series_ids: Collection[int] | None = None) -> list[SeriesStatus]:
    """Return the status of series, in the order they were created; see `series_summaries`."""
    return [_status(session, summary) for summary in series_summaries(session, series_ids)]


def _status(session: Session, summary: SeriesSummary) -> SeriesStatus:
    delayed, first_due_at = delays(session, summary.id)
    runners = len(live_runners(session, summary.id))
    rate = _rate(session, summary.id)
    left = summary.counts.pending + summary.counts.running
    sets = code_sets(session, summary.id)
    return SeriesStatus(
        summary,
        failures=failure_counts(session, summary.id, latest=LATEST) if summary.counts.failed else {},
        delayed=delayed,
        first_due_at=first_due_at,
        runners=runners,
        last_activity=_last_activity(session, summary.id),
        rate_per_s=rate,
        remaining_s=left / rate if rate and runners else None,
        other_code=_other_code(session, summary.id, sets) if sets.differ(sets.ids) else 0,
        unknown_code=sets.has_unknown and has_unknown_code(session, summary.id),
        threads=sampled_threads(session, summary.id),
    )


def _other_code(session: Session, series_id: int, sets: SeriesCodeSets) -> int:
    """Count the experiments of other code; its cost depends on their number, so only where sets differ."""
    completed = completed_by_code(session, series_id)
    return sum(completed[code] for code in sets.other(completed.keys()))


def delays(session: Session, series_id: int) -> tuple[int, datetime | None]:
    """Return how many retries are delayed, and when the first is due; the cost depends on their number."""
    statement = select(func.count(), func.min(Experiment.due_at)).where(
        Experiment.series_id == series_id,
        # Equal to the condition of the partial index, which must not contain parameters.
        literal_column("experiment.status = 'pending' AND NOT experiment.retired"),
        Experiment.due_at.is_not(None),
    )
    count, first = session.execute(statement).one()
    return count, first


def _last_activity(session: Session, series_id: int) -> datetime | None:
    """Return the latest start or end; reads one index entry per status, and the running experiments."""
    latest = [
        session.scalar(
            select(func.max(moment)).where(Experiment.series_id == series_id, Experiment.status == status)
        )
        for status, moment in (
            (ExperimentStatus.COMPLETED, Experiment.finished_at),
            (ExperimentStatus.FAILED, Experiment.finished_at),
            (ExperimentStatus.CANCELLED, Experiment.finished_at),
            (ExperimentStatus.RUNNING, Experiment.started_at),
        )
    ]
    return max((moment for moment in latest if moment is not None), default=None)


def _rate(session: Session, series_id: int) -> float | None:
    now = database_now(session)
    sample = (
        select(Experiment.finished_at)
        .where(
            Experiment.series_id == series_id,
            Experiment.status == ExperimentStatus.COMPLETED,
            Experiment.finished_at > now - RATE_WINDOW,
        )
        .order_by(Experiment.finished_at.desc())
        .limit(RATE_SAMPLE)
        .subquery()
    )
    statement = select(func.count(), func.min(sample.c.finished_at), func.max(sample.c.finished_at))
    number, first, last = session.execute(statement).one()
    if number < 2:
        return None
    elapsed_s = (max(now, last) - first).total_seconds()
    return (number - 1) / elapsed_s if elapsed_s > 0 else None
