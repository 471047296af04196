"""The records of a report, read in one snapshot and then independent of the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, func, select, union_all
from sqlalchemy.orm import Session

from database.expressions import Expression
from database.models import (
    Attempt,
    Experiment,
    ExperimentSeries,
    ExperimentStatus,
    Outcome,
    Runner,
    Worker,
)
from database.queries.failures import FailureGroup, failure_groups
from database.queries.overview import database_now
from experiments.series_file.models import SeriesFile
from meta.records.subsets import GraphRecords, read_series, requested_subsets
from meta.tables.generate import Requested

#: The series as its file describes it; `source` is the file as it was written, None if there was none.
_SERIES = (
    ExperimentSeries.name,
    ExperimentSeries.description,
    ExperimentSeries.tags,
    ExperimentSeries.notes,
    ExperimentSeries.target,
    ExperimentSeries.created_at,
    ExperimentSeries.source,
)
#: One invocation of `run`.
_RUNNER = (
    Runner.host,
    Runner.user,
    Runner.arguments,
    Runner.started_at,
    Runner.finished_at,
    Runner.python_version,
    Runner.platform,
    Runner.packages,
)


@dataclass(frozen=True)
class Effort:
    """The total resources that all attempts used.

    Attributes
    ----------
    ended, running : int
        Those that were started.
    started_at, finished_at : datetime or None
        The first start and the last end.
    duration_s : float or None
        Of those that ended.
    cpu_s : float or None
    peak_memory_bytes : int or None
        The largest of a worker.
    measured : int
        Of how many processor time and memory are known: they are not of an attempt that was killed.
    """

    ended: int
    running: int
    started_at: datetime | None
    finished_at: datetime | None
    duration_s: float | None
    cpu_s: float | None
    peak_memory_bytes: int | None
    measured: int


@dataclass(frozen=True)
class ReportRecords:
    """The content of a report.

    Attributes
    ----------
    read_at : datetime
        By the database's clock.
    series : mapping
        Its name, description, tags, notes, target, time of creation and source.
    graphs : GraphRecords
    tables : sequence
        Each requested table, with its records or the error.
    failures : sequence of FailureGroup
    effort : Effort
    runners : sequence of mappings
        The invocations of `run` that started attempts, and how many `attempts` these are; by their start.
    """

    read_at: datetime
    series: RowMapping
    graphs: GraphRecords
    tables: Requested
    failures: Sequence[FailureGroup]
    effort: Effort
    runners: Sequence[RowMapping]


def read_report(
    session: Session,
    series: ExperimentSeries,
    file: SeriesFile | None = None,
    condition: Expression | None = None,
) -> ReportRecords:
    """Read the content of a report of a series.

    Parameters
    ----------
    session, series, file, condition
        As for `meta.records.subsets.read_series`.
    """
    chosen = None if condition is None else condition.to_sql(session)
    graphs = read_series(session, series, file, condition)
    return ReportRecords(
        read_at=database_now(session),
        series=session.execute(select(*_SERIES).where(ExperimentSeries.id == series.id)).mappings().one(),
        graphs=graphs,
        tables=requested_subsets(session, series, graphs.common, graphs.common.tables, condition=condition),
        failures=failure_groups(session, series.id, chosen),
        effort=_effort(session, series.id, chosen),
        runners=_runners(session, series.id, chosen),
    )


def _ended(series_id: int, chosen: ColumnElement[bool] | None) -> list[ColumnElement[bool]]:
    """Return the conditions of ended attempts of the report's experiments."""
    wanted = [Attempt.started_at.is_not(None), Attempt.outcome != Outcome.RELEASED]
    return [*wanted, *_named(series_id, chosen)]


def _running(series_id: int, chosen: ColumnElement[bool] | None) -> list[ColumnElement[bool]]:
    """Return the conditions of experiments whose attempt is running."""
    wanted = [Experiment.status == ExperimentStatus.RUNNING, Experiment.started_at.is_not(None)]
    return [*wanted, *_named(series_id, chosen)]


def _named(series_id: int, chosen: ColumnElement[bool] | None) -> list[ColumnElement[bool]]:
    named = [Experiment.series_id == series_id, Experiment.retired.is_(False)]
    return [*named, *([] if chosen is None else [chosen])]


def _effort(session: Session, series_id: int, chosen: ColumnElement[bool] | None) -> Effort:
    ended = session.execute(
        select(
            func.count(),
            func.min(Attempt.started_at),
            func.max(Attempt.finished_at),
            func.sum(Attempt.duration_s),
            func.sum(Attempt.cpu_s),
            func.max(Attempt.peak_memory_bytes),
            func.count(Attempt.cpu_s),
        )
        .join(Experiment, Experiment.id == Attempt.experiment_id)
        .where(*_ended(series_id, chosen))
    ).one()
    running = session.execute(
        select(func.count(), func.min(Experiment.started_at)).where(*_running(series_id, chosen))
    ).one()
    count, started_at, finished_at, duration_s, cpu_s, memory, measured = ended
    first = min(filter(None, (started_at, running[1])), default=None)
    return Effort(count, running[0], first, finished_at, duration_s, cpu_s, memory, measured)


def _runners(session: Session, series_id: int, chosen: ColumnElement[bool] | None) -> Sequence[RowMapping]:
    ended = (
        select(Attempt.worker_id)
        .join(Experiment, Experiment.id == Attempt.experiment_id)
        .where(*_ended(series_id, chosen))
    )
    at_work = select(Experiment.worker_id).where(*_running(series_id, chosen))
    attempts = union_all(ended, at_work).subquery()
    by_worker = (
        select(attempts.c.worker_id, func.count().label("attempts")).group_by(attempts.c.worker_id).subquery()
    )
    by_runner = (
        select(Worker.runner_id, func.sum(by_worker.c.attempts).label("attempts"))
        .join(by_worker, by_worker.c.worker_id == Worker.id)
        .group_by(Worker.runner_id)
        .subquery()
    )
    found = session.execute(
        select(*_RUNNER, by_runner.c.attempts)
        .join(by_runner, by_runner.c.runner_id == Runner.id)
        .order_by(Runner.started_at, Runner.id)
    )
    return found.mappings().all()
