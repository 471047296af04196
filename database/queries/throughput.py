"""The progress of a series while it runs: running experiments, and the durations of the latest ones.

Read from the ends of indexes, whatever the size of the series.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models import Attempt, Configuration, Experiment, ExperimentSeries, ExperimentStatus
from database.queries.overview import database_now

#: The number of latest experiments whose durations are read.
SAMPLE = 100
#: The number of running experiments that are read, the oldest first.
MAX_RUNNING = 500


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
