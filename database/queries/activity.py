"""How many runners work on a series, and how fast: read from the ends of indexes, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from database.models import Experiment, ExperimentStatus
from database.queries.overview import SeriesSummary, database_now, live_runners

#: The rate is computed from at most so many last experiments, within this time.
RATE_SAMPLE = 1000
RATE_WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class Activity:
    """How many runners work on a series, and how fast.

    Attributes
    ----------
    runners : int
        Live runners that own experiments of the series.
    last_activity : datetime or None
        The latest start of a running experiment, or end of another one.
    rate_per_s : float or None
        Experiments finished per second, over the last `RATE_SAMPLE` within `RATE_WINDOW`.
    remaining_s : float or None
        How long the rest takes at that rate, in seconds; None when no runner is at work.
    """

    runners: int
    last_activity: datetime | None
    rate_per_s: float | None
    remaining_s: float | None


def activity(session: Session, summary: SeriesSummary) -> Activity:
    """Return how many runners work on a series, and how fast."""
    runners = len(live_runners(session, summary.id))
    rate = _rate(session, summary.id)
    left = summary.counts.pending + summary.counts.running
    return Activity(
        runners=runners,
        last_activity=_last_activity(session, summary.id),
        rate_per_s=rate,
        remaining_s=left / rate if rate and runners else None,
    )


def _last_activity(session: Session, series_id: int) -> datetime | None:
    """Return the latest start or end; reads one index entry per status, and the few that run."""
    latest = [
        session.scalar(
            select(func.max(Experiment.finished_at)).where(
                Experiment.series_id == series_id, Experiment.status == status
            )
        )
        for status in (ExperimentStatus.COMPLETED, ExperimentStatus.FAILED, ExperimentStatus.CANCELLED)
    ]
    latest.append(
        session.scalar(
            select(func.max(Experiment.started_at)).where(
                Experiment.series_id == series_id, Experiment.status == ExperimentStatus.RUNNING
            )
        )
    )
    return max((moment for moment in latest if moment is not None), default=None)


def _rate(session: Session, series_id: int) -> float | None:
    now = database_now(session)
    latest = union_all(
        *(
            select(
                select(Experiment.finished_at)
                .where(
                    Experiment.series_id == series_id,
                    Experiment.status == status,
                    Experiment.finished_at > now - RATE_WINDOW,
                )
                .order_by(Experiment.finished_at.desc())
                .limit(RATE_SAMPLE)
                .subquery()
            )
            for status in (ExperimentStatus.COMPLETED, ExperimentStatus.FAILED)
        )
    ).subquery()
    moment = latest.c.finished_at
    sample = select(moment).order_by(moment.desc()).limit(RATE_SAMPLE).subquery()
    statement = select(func.count(), func.min(sample.c.finished_at), func.max(sample.c.finished_at))
    number, first, last = session.execute(statement).one()
    if number < 2:
        return None
    elapsed_s = (max(now, last) - first).total_seconds()
    return (number - 1) / elapsed_s if elapsed_s > 0 else None
