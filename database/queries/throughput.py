"""The progress of a series while it runs: what runs, how long the latest ones took, and why one failed.

Read from the ends of indexes, whatever the size of the series.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, literal_column, select
from sqlalchemy.orm import Session, aliased

from database.failure_text.reason import reason_of
from database.models import Attempt, Configuration, Experiment, ExperimentSeries, ExperimentStatus, Outcome
from database.models.outcome import UNSUCCESSFUL, Fault
from database.queries.overview import database_now

#: The number of latest experiments whose durations are read.
SAMPLE = 100
#: The outcomes of failures: what users ended is none.
_FAILED = [outcome for outcome in UNSUCCESSFUL if outcome.rules.fault is not Fault.USER]
#: The number of running experiments that are read, the oldest first.
MAX_RUNNING = 500


@dataclass(frozen=True)
class RunningNow:
    """A running experiment, and how long it has run, in seconds by the database's clock."""

    experiment_id: int
    age_s: float


@dataclass(frozen=True)
class Durations:
    """How long the latest experiments took that ended, in seconds, those that failed apart.

    Attributes
    ----------
    completed, failed : sequence of float
        Each with the attempts of the experiment that failed before and were tried again.
    """

    completed: Sequence[float] = ()
    failed: Sequence[float] = ()


@dataclass(frozen=True)
class LatestFailure:
    """The attempt of a series that failed last, its experiment failed or to be tried again.

    Attributes
    ----------
    experiment, attempt : int
        The experiment's id, and the attempt's number.
    outcome : Outcome
        How it ended.
    reason : str
        Why, in a line: the message and the place; see `database.failure_text.reason.Reason`.
    retried : bool
        The experiment is tried again.
    """

    experiment: int
    attempt: int
    outcome: Outcome
    reason: str
    retried: bool


def last_durations(session: Session, series_id: int) -> Durations:
    """Return the durations of the latest experiments that ended, at most `SAMPLE` of each kind."""
    return Durations(
        _durations(session, series_id, ExperimentStatus.COMPLETED),
        _durations(session, series_id, ExperimentStatus.FAILED),
    )


def _durations(session: Session, series_id: int, status: ExperimentStatus) -> list[float]:
    latest = (
        select(Experiment.id, Experiment.retries_reset_at)
        .where(Experiment.series_id == series_id, Experiment.status == status)
        .order_by(Experiment.finished_at.desc())
        .limit(SAMPLE)
        .subquery()
    )
    statement = (
        select(func.sum(Attempt.duration_s))
        .join(latest, (Attempt.experiment_id == latest.c.id) & (Attempt.number > latest.c.retries_reset_at))
        .where(Attempt.outcome.in_([Outcome.COMPLETED, *_FAILED]))
        .group_by(latest.c.id)
    )
    return [duration_s for duration_s in session.scalars(statement) if duration_s is not None]


def latest_failure(session: Session, series_id: int) -> LatestFailure | None:
    """Return the attempt that failed last, whether its experiment has failed, is to be tried again, or is."""
    of_series = select(Experiment).where(Experiment.series_id == series_id)
    failed = of_series.where(Experiment.status == ExperimentStatus.FAILED)
    # As the condition of the partial index, which must not contain parameters.
    is_delayed: ColumnElement[bool] = literal_column(
        "experiment.status = 'pending' AND NOT experiment.retired"
    )
    delayed = of_series.where(is_delayed, Experiment.due_at.is_not(None))
    running = of_series.where(Experiment.status == ExperimentStatus.RUNNING)
    found = [
        *_last_failed(session, failed.order_by(Experiment.finished_at.desc())),
        *_last_failed(session, delayed.order_by(Experiment.due_at.desc())),
        *_last_failed(session, running.order_by(Experiment.started_at.desc()), before=1),
    ]
    if not found:
        return None
    attempt, status, target = max(
        found, key=lambda row: row[0].finished_at.timestamp() if row[0].finished_at else 0.0
    )
    return LatestFailure(
        attempt.experiment_id,
        attempt.number,
        attempt.outcome,
        reason_of(attempt, target).line or attempt.outcome.word,
        retried=status is not ExperimentStatus.FAILED,
    )


def _last_failed(
    session: Session, experiments: Select[Experiment], before: int = 0
) -> Sequence[Row[Attempt, ExperimentStatus, str]]:
    """Return the failed attempt that ended last, if any, among the latest of some experiments.

    Parameters
    ----------
    session : Session
    experiments : Select
        In the order of an index, the latest first.
    before : int
        0 looks at their last attempts, 1 at those before.
    """
    latest = aliased(Experiment, experiments.limit(SAMPLE).subquery())
    number = latest.attempt_number - before
    return session.execute(
        select(Attempt, latest.status, ExperimentSeries.target)
        .join(latest, (Attempt.experiment_id == latest.id) & (Attempt.number == number))
        .join(ExperimentSeries, ExperimentSeries.id == latest.series_id)
        .where(
            Attempt.number > latest.retries_reset_at,
            Attempt.outcome.in_(_FAILED),
            Attempt.finished_at.is_not(None),
        )
        .order_by(Attempt.finished_at.desc())
        .limit(1)
    ).all()


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
        experiment_id: _without_fixed(parameters, fixed_names(resolved))
        for experiment_id, parameters, resolved in session.execute(statement)
    }


def _without_fixed(nested: Mapping[str, Any], fixed: Collection[str], prefix: str = "") -> dict[str, Any]:
    """Return nested parameters without those whose dotted names are `fixed`."""
    varying: dict[str, Any] = {}
    for name, value in nested.items():
        dotted = f"{prefix}{name}"
        if dotted in fixed:
            continue
        if isinstance(value, dict) and value:
            inner = _without_fixed(value, fixed, f"{dotted}.")
            if inner:
                varying[name] = inner
        else:
            varying[name] = value
    return varying
