"""Rows of experiments: the one statement that queries, frames and records of graphs select from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from database.engine.wrong_use import WrongUseError, takes_session
from database.models import Attempt, Code, Configuration, Experiment, ExperimentStatus, Outcome

#: Rows fetched at a time while streaming.
_BATCH = 1000
_WAS_STARTED = Attempt.outcome != Outcome.RELEASED
_ATTEMPTS = (
    select(func.count())
    .where(Attempt.experiment_id == Experiment.id, _WAS_STARTED)
    .correlate(Experiment)
    .scalar_subquery()
)
_COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "id": Experiment.id.expression,
    "configuration": Experiment.configuration_id.label("configuration"),
    "repetition": Experiment.repetition.expression,
    "seed": Experiment.seed.expression,
    "status": Experiment.status.expression,
    "retired": Experiment.retired.expression,
    "attempts": _ATTEMPTS.label("attempts"),
    "outcome": Attempt.outcome.expression,
    "started_at": Experiment.started_at.expression,
    "finished_at": Experiment.finished_at.expression,
    "duration_s": Attempt.duration_s.expression,
    "code": Code.digest.label("code"),
    "parameters": Configuration.parameters.expression,
    "results": Experiment.results.expression,
}


@dataclass(frozen=True)
class ExperimentRow:
    """An experiment with its parameters and results, and how its last attempt ended."""

    id: int
    configuration: int
    repetition: int
    seed: int
    status: str
    retired: bool
    attempts: int
    outcome: str | None
    started_at: datetime | None
    finished_at: datetime | None
    duration_s: float | None
    code: str | None
    parameters: dict[str, Any] = field(repr=False)
    results: dict[str, Any] | None = field(repr=False)


def shown_status(status: ExperimentStatus) -> str:
    """Return the status that users see: claimed experiments are shown as pending."""
    return (ExperimentStatus.PENDING if status is ExperimentStatus.CLAIMED else status).value


def select_experiments(*columns: str) -> Select[Any]:
    """Select experiments, one row each; only tables that the columns need are joined.

    Parameters
    ----------
    *columns : str
        Names of attributes of `ExperimentRow`, in the order of the result; by default all. `status` is an
        `ExperimentStatus`, `outcome` an `Outcome`; `outcome`, `duration_s` and `code` (the name of the set)
        are those of the last attempt that was started, None when there is none; `attempts` counts those that
        were.
    """
    names = columns or tuple(_COLUMNS)
    statement: Select[Any] = select(*(_COLUMNS[name] for name in names))
    if "parameters" in names:
        statement = statement.select_from(Configuration).join(
            Experiment, Experiment.configuration_id == Configuration.id
        )
    else:
        statement = statement.select_from(Experiment)
    if not {"outcome", "duration_s", "code"}.isdisjoint(names):
        statement = statement.outerjoin(
            Attempt,
            (Attempt.experiment_id == Experiment.id)
            & (Attempt.number == Experiment.attempt_number)
            & _WAS_STARTED,
        )
    if "code" in names:
        statement = statement.outerjoin(Code, Code.id == Attempt.code)
    return statement


def experiment_row(row: Any) -> ExperimentRow:
    """Return a row of `select_experiments()` with the status that users see."""
    values = row._asdict()
    outcome = None if row.outcome is None else row.outcome.value
    return ExperimentRow(**{**values, "status": shown_status(row.status), "outcome": outcome})


def count_experiments(session: Session, series_id: int, *conditions: ColumnElement[bool]) -> int:
    """Count the experiments of a series that match all conditions, retired ones too."""
    chosen = (
        select(func.count()).select_from(Experiment).where(Experiment.series_id == series_id, *conditions)
    )
    return session.scalar(chosen) or 0


@takes_session
def experiments(
    session: Session,
    series_id: int,
    *,
    status: str | None = None,
    where: ColumnElement[bool] | None = None,
    limit: int | None = None,
) -> Iterator[ExperimentRow]:
    """Yield the experiments of a series, configuration by configuration, without loading them all.

    Parameters
    ----------
    session : Session
        Stays in use until the last row is read.
    series_id : int
        Of the series.
    status : str, optional
        Only these; the status that users see.
    where : condition on Experiment, optional
        Only experiments that match it; made by `Expression.to_sql`.
    limit : int, optional
        The maximum number of experiments.
    """
    order = (Configuration.position, Experiment.repetition)
    chosen = (
        select(Experiment.id)
        .select_from(Configuration)
        .join(Experiment, Experiment.configuration_id == Configuration.id)
        .where(Configuration.series_id == series_id)
    )
    if status is not None:
        wanted = [member for member in ExperimentStatus if shown_status(member) == status]
        if not wanted:
            words = ", ".join(dict.fromkeys(map(shown_status, ExperimentStatus)))
            raise WrongUseError(f"experiments() takes a status, one of {words}, not {status!r}")
        chosen = chosen.where(Experiment.series_id == series_id, Experiment.status.in_(wanted))
    if where is not None:
        chosen = chosen.where(Experiment.series_id == series_id, where)
    statement = select_experiments().order_by(*order)
    if limit is None and status is None and where is None:
        statement = statement.where(Configuration.series_id == series_id)
    else:  # sorting ids alone is several times faster than sorting whole rows
        statement = statement.where(Experiment.id.in_(chosen.order_by(*order).limit(limit)))
    for row in session.execute(statement.execution_options(yield_per=_BATCH)):
        yield experiment_row(row)
