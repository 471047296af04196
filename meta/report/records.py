"""The records of a report, read in one snapshot and then independent of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

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
from meta.records.selection.subsets import GraphRecords, read_series, requested_subsets
from meta.records.step_counters import with_step_counters
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
    Runner.git_commit,
    Runner.git_dirty,
    Runner.packages,
)


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
    effort : mapping
        The total resources that all attempts used; see `_effort`.
    runners : sequence of mappings
        The invocations of `run` that started attempts, and how many `attempts` these are; by their start.
    """

    read_at: datetime
    series: RowMapping
    graphs: GraphRecords
    tables: Requested
    failures: Sequence[FailureGroup]
    effort: Mapping[str, Any]
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
        As for `meta.records.selection.subsets.read_series`.
    """
    chosen = None if condition is None else condition.to_sql(session)
    graphs = read_series(session, series, file, condition)
    if graphs.requested and not graphs.common.tables:
        graphs = replace(graphs, common=with_step_counters(session, series, graphs.common))
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


def _effort(session: Session, series_id: int, chosen: ColumnElement[bool] | None) -> dict[str, Any]:
    """Return how many attempts ended and are running, the first start, the last end, and what they used.

    Processor time and memory are those of the `measured` attempts: they are not known of one that was killed.
    """
    ended = session.execute(
        select(
            func.count().label("ended"),
            func.min(Attempt.started_at).label("started_at"),
            func.max(Attempt.finished_at).label("finished_at"),
            func.sum(Attempt.duration_s).label("duration_s"),
            func.sum(Attempt.cpu_s).label("cpu_s"),
            func.max(Attempt.peak_memory_bytes).label("peak_memory_bytes"),
            func.count(Attempt.cpu_s).label("measured"),
        )
        .join(Experiment, Experiment.id == Attempt.experiment_id)
        .where(*_ended(series_id, chosen))
    )
    totals = dict(ended.mappings().one())
    running, since = session.execute(
        select(func.count(), func.min(Experiment.started_at)).where(*_running(series_id, chosen))
    ).one()
    started_at = min(filter(None, (totals["started_at"], since)), default=None)
    return {**totals, "running": running, "started_at": started_at}


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
