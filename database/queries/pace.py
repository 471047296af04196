"""How the work on a series goes on: what runs now, since when, and how long the last ones took."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models import (
    Attempt,
    Configuration,
    Experiment,
    ExperimentSeries,
    ExperimentStatus,
)
from database.queries.overview import database_now

#: So many of the last ones tell how long an experiment takes.
SAMPLE = 100
#: So many of those that run are looked at, the oldest first.
MOST_RUNNING = 500


@dataclass(frozen=True)
class RunningNow:
    """An experiment that runs, and how long it has, in seconds by the database's clock."""

    experiment_id: int
    age_s: float


def last_durations(session: Session, series_id: int) -> list[float]:
    """Return how long the experiments took that ended last, in seconds; at most `SAMPLE`."""
    found = []
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
        found += [
            (moment, taken) for moment, taken in session.execute(statement) if moment and taken is not None
        ]
    found.sort(reverse=True)
    return [taken for _, taken in found[:SAMPLE]]


def running_now(session: Session, series_id: int) -> list[RunningNow]:
    """Return what runs, on all runners, the longest first; at most `MOST_RUNNING`."""
    now = database_now(session)
    statement = (
        select(Experiment.id, Experiment.started_at)
        .where(Experiment.series_id == series_id, Experiment.status == ExperimentStatus.RUNNING)
        .order_by(Experiment.started_at)
        .limit(MOST_RUNNING)
    )
    return [
        RunningNow(experiment_id, max(0.0, (now - started_at).total_seconds()))
        for experiment_id, started_at in session.execute(statement)
        if started_at is not None
    ]


def varying_parameters(session: Session, experiment_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return the parameters of experiments without those that the series' file fixes for all, nested."""
    statement = (
        select(Experiment.id, Configuration.parameters, ExperimentSeries.resolved)
        .join(Configuration, Configuration.id == Experiment.configuration_id)
        .join(ExperimentSeries, ExperimentSeries.id == Experiment.series_id)
        .where(Experiment.id.in_(experiment_ids))
    )
    return {
        experiment_id: _without(parameters, resolved.get("fixed", {}))
        for experiment_id, parameters, resolved in session.execute(statement)
    }


def _without(nested: dict[str, Any], fixed: Collection[str], prefix: str = "") -> dict[str, Any]:
    left: dict[str, Any] = {}
    for name, value in nested.items():
        dotted = f"{prefix}{name}"
        if dotted in fixed:
            continue
        if isinstance(value, dict) and value:
            inner = _without(value, fixed, f"{dotted}.")
            if inner:
                left[name] = inner
        else:
            left[name] = value
    return left
