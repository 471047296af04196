"""The progress of a series: runners, rate, running experiments, durations, delayed retries.

Read from the ends of indexes, whatever the size of the series.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, literal_column, select, union_all
from sqlalchemy.orm import Session

from database.models import Attempt, Configuration, Experiment, ExperimentSeries, ExperimentStatus
from database.queries.experiment_rows import without_fixed
from database.queries.overview import SeriesSummary, database_now, live_runners

#: The rate is computed from at most this many of the latest experiments, within this time.
RATE_SAMPLE = 1000
RATE_WINDOW = timedelta(hours=1)
#: The number of latest experiments whose durations are read.
SAMPLE = 100
#: The number of running experiments that are read, the oldest first.
MAX_RUNNING = 500


@dataclass(frozen=True)
class Activity:
    """How many runners work on a series, and how fast.

    Attributes
    ----------
    runners : int
        Live runners that own experiments of the series.
    last_activity : datetime or None
        The latest start of a running experiment, or end of a finished one.
    rate_per_s : float or None
        Experiments finished per second, over the last `RATE_SAMPLE` within `RATE_WINDOW`.
    remaining_s : float or None
        How long the rest takes at that rate, in seconds; None without a live runner.
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
    """Return the latest start or end; reads one index entry per status, and the running experiments."""
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


@dataclass(frozen=True)
class Delays:
    """The delayed retries of a series.

    Attributes
    ----------
    experiments : int
        The number of delayed experiments; they count as pending.
    first_due_at : datetime or None
        When the first of them is due, by the database's clock.
    """

    experiments: int
    first_due_at: datetime | None


def delays(session: Session, series_id: int) -> Delays:
    """Return the delayed retries of a series; the cost depends on their number only."""
    statement = select(func.count(), func.min(Experiment.due_at)).where(
        Experiment.series_id == series_id,
        # Equal to the condition of the partial index, which must not contain parameters.
        literal_column("experiment.status = 'pending' AND NOT experiment.retired"),
        Experiment.due_at.is_not(None),
    )
    count, first = session.execute(statement).one()
    return Delays(count, first)


@dataclass(frozen=True)
class RunningNow:
    """A running experiment, and how long it has run, in seconds by the database's clock."""

    experiment_id: int
    age_s: float


def last_durations(session: Session, series_id: int) -> list[float]:
    """Return the durations of the latest finished experiments, in seconds; at most `SAMPLE`."""
    ended = []
    for status in (ExperimentStatus.COMPLETED, ExperimentStatus.FAILED):
        latest = (
            select(Experiment.id, Experiment.attempt_number, Experiment.finished_at)
            .where(Experiment.series_id == series_id, Experiment.status == status)
            .order_by(Experiment.finished_at.desc())
            .limit(SAMPLE)
            .subquery()
        )
        statement = select(latest.c.finished_at, Attempt.duration_s).join(
            Attempt, (Attempt.experiment_id == latest.c.id) & (Attempt.number == latest.c.attempt_number)
        )
        ended += [
            (moment, duration_s)
            for moment, duration_s in session.execute(statement)
            if moment and duration_s is not None
        ]
    ended.sort(reverse=True)
    return [duration_s for _, duration_s in ended[:SAMPLE]]


def running_now(session: Session, series_id: int) -> list[RunningNow]:
    """Return the running experiments of all runners, the oldest first; at most `MAX_RUNNING`."""
    now = database_now(session)
    statement = (
        select(Experiment.id, Experiment.started_at)
        .where(Experiment.series_id == series_id, Experiment.status == ExperimentStatus.RUNNING)
        .order_by(Experiment.started_at)
        .limit(MAX_RUNNING)
    )
    return [
        RunningNow(experiment_id, max(0.0, (now - started_at).total_seconds()))
        for experiment_id, started_at in session.execute(statement)
        if started_at is not None
    ]


def varying_parameters(
    session: Session,
    experiment_ids: Collection[int],
    fixed_names: Callable[[Mapping[str, Any]], Collection[str]],
) -> dict[int, dict[str, Any]]:
    """Return the nested parameters of experiments without those that are fixed for all configurations.

    Parameters
    ----------
    session : Session
    experiment_ids : collection of int
    fixed_names : callable
        Reads the dotted names of fixed parameters from `ExperimentSeries.resolved`.
    """
    statement = (
        select(Experiment.id, Configuration.parameters, ExperimentSeries.resolved)
        .join(Configuration, Configuration.id == Experiment.configuration_id)
        .join(ExperimentSeries, ExperimentSeries.id == Experiment.series_id)
        .where(Experiment.id.in_(experiment_ids))
    )
    return {
        experiment_id: without_fixed(parameters, fixed_names(resolved))
        for experiment_id, parameters, resolved in session.execute(statement)
    }
