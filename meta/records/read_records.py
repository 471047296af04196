"""Reading the records of a series."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models import Configuration, Experiment, ExperimentSeries, ExperimentStatus, Outcome
from database.queries.experiment_rows import select_experiments, shown_status
from database.queries.series_lookup import find_series
from experiments.parameters import flatten_recorded
from experiments.series_file.models import SeriesFile
from experiments.series_file.sections.graph_kinds import SECONDS, rules_of
from experiments.series_file.sections.graphs import GraphSpec
from meta.records.attempts import read_attempts
from meta.records.code_versions import read_code
from meta.records.curves import metric_names, read_curves
from meta.records.series_records import (
    CompletedExperiment,
    ConfigurationRecord,
    RetiredRecord,
    SeriesRecords,
)
from meta.statistics.estimators.arrays import Floats
from meta.statistics.estimators.curves import Curve


def read_records(
    session: Session,
    series: str | ExperimentSeries,
    file: SeriesFile | None = None,
    *,
    with_curves: bool = True,
) -> SeriesRecords:
    """Read everything the graphs and tables of a series need.

    Parameters
    ----------
    session : Session
    series : str or ExperimentSeries
        The series or its name.
    file : SeriesFile, optional
        Has the graphs, tables, labels and units; by default those recorded when the series was last created.
    with_curves : bool
        False leaves logged points, which can be many, and attempts out: tables do not need them.

    Raises
    ------
    NotFoundError
        There is no such series.
    """
    series = find_series(session, series)
    file = file or SeriesFile.recorded(series.resolved)
    completed: dict[int, list[CompletedExperiment]] = {}
    unfinished: dict[int, dict[int, str]] = {}
    seeds: dict[int, set[int]] = {}
    retired: dict[int, list[int]] = {}
    causes, timed_out_s = _causes_of_failures(session, series.id)
    rows = (
        select_experiments("id", "configuration", "repetition", "seed", "status", "retired", "results")
        .where(Experiment.series_id == series.id)
        .order_by(Experiment.configuration_id, Experiment.repetition)
    )
    for row in session.execute(rows):
        if row.retired:
            if row.status is ExperimentStatus.COMPLETED:
                retired.setdefault(row.configuration, []).append(row.id)
            continue
        seeds.setdefault(row.repetition, set()).add(row.seed)
        if row.status is not ExperimentStatus.COMPLETED:
            others = unfinished.setdefault(row.configuration, {})
            others[row.id] = causes.get(row.id, shown_status(row.status))
        else:
            experiment = CompletedExperiment(row.id, row.repetition, flatten_recorded(row.results))
            completed.setdefault(row.configuration, []).append(experiment)
    configurations, no_longer_named = [], []
    in_order = (
        select(Configuration.id, Configuration.parameters)
        .where(Configuration.series_id == series.id)
        .order_by(Configuration.position, Configuration.id)
    )
    for row in session.execute(in_order):
        parameters = flatten_recorded(row.parameters)
        if row.id in completed or row.id in unfinished:
            experiments = completed.get(row.id, []), unfinished.get(row.id, {})
            configurations.append(ConfigurationRecord(row.id, parameters, *experiments))
        if row.id in retired:
            no_longer_named.append(RetiredRecord(row.id, parameters, retired[row.id]))
    graphs = file.graphs if with_curves else ()
    draws_attempts = any(rules_of(spec.kind).of_attempts for spec in graphs)
    curves, times = _curves(session, series.id, graphs) if with_curves else ({}, {})
    return SeriesRecords(
        name=series.name,
        configurations=configurations,
        no_longer_named=no_longer_named,
        curves=curves,
        times=times,
        attempts=read_attempts(session, series.id) if draws_attempts else (),
        timed_out_s=timed_out_s,
        labels=file.metrics,
        specs=file.graphs,
        experiments_code=read_code(session, series.id),
        tables=file.tables,
        analysis=file.analysis,
        shares_seeds=all(len(distinct) == 1 for distinct in seeds.values()),
    )


def _causes_of_failures(session: Session, series_id: int) -> tuple[dict[int, str], dict[int, float]]:
    """Return the outcome of the last attempt of each failed experiment, and how long those timed out ran."""
    failed = select_experiments("id", "outcome", "duration_s").where(
        Experiment.series_id == series_id, Experiment.status == ExperimentStatus.FAILED
    )
    rows = [row for row in session.execute(failed) if row.outcome is not None]
    timed_out = [row for row in rows if row.outcome is Outcome.TIMED_OUT and row.duration_s is not None]
    return {row.id: row.outcome.value for row in rows}, {row.id: row.duration_s for row in timed_out}


def _curves(
    session: Session, series_id: int, specs: Sequence[GraphSpec]
) -> tuple[dict[str, dict[int, Curve]], dict[str, dict[int, Floats]]]:
    """Return the curves that will be drawn, of all metrics when no graph is requested, and their times."""
    requested = {spec.y for spec in specs}
    over_time = {spec.y for spec in specs if spec.x == SECONDS}
    curves: dict[str, dict[int, Curve]] = {}
    times: dict[str, dict[int, Floats]] = {}
    for metric in metric_names(session, series_id):
        if specs and metric not in requested:
            continue
        logged = list(read_curves(session, series_id, metric, timed=metric in over_time))
        curves[metric] = {one.experiment_id: one.curve for one in logged}
        if metric in over_time:
            times[metric] = {one.experiment_id: one.seconds for one in logged}
    return curves, times
