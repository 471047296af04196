"""The records of the experiments of a series that match `where` of a graph and `--where`.

Choosing configurations by a mapping of parameters needs no database: `meta.records.parameter_filter`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import and_
from sqlalchemy.orm import Session

from database.expressions import Expression, ExpressionError
from database.models import Experiment, ExperimentSeries, ExperimentStatus
from database.queries.experiment_rows import select_experiments, shown_status
from experiments.series_file.models import SeriesFile
from experiments.series_file.sections.graphs import GraphSpec, Where
from experiments.series_file.sections.tables import TableSpec
from experiments.where import expression_of
from meta.records.code_versions import read_code, versions_of
from meta.records.errors import GraphError
from meta.records.read_records import causes_of_failures, read_records
from meta.records.series_records import SeriesRecords

_Kept = TypeVar("_Kept")
_Spec = TypeVar("_Spec", GraphSpec, TableSpec)


@dataclass(frozen=True)
class GraphRecords:
    """The records of the graphs of a series, read in one snapshot.

    Attributes
    ----------
    common : SeriesRecords
        For the default graphs.
    requested : sequence
        Each graph that the series file requests, with its records or the error.
    """

    common: SeriesRecords
    requested: Sequence[tuple[GraphSpec, SeriesRecords | GraphError]]


def read_series(
    session: Session,
    series: ExperimentSeries,
    file: SeriesFile | None = None,
    condition: Expression | None = None,
) -> GraphRecords:
    """Read a series once, and select the experiments of each of its graphs.

    Parameters
    ----------
    session : Session
        In a snapshot.
    series : ExperimentSeries
    file : SeriesFile, optional
        Replaces the recorded graphs, tables, labels and units.
    condition : Expression, optional
        Only experiments that match it.
    """
    records = read_records(session, series, file)
    requested = requested_subsets(session, series, records, records.specs, condition=condition)
    common = read_subset(session, series, records, condition=condition)
    return GraphRecords(common, requested)


def requested_subsets(
    session: Session,
    series: ExperimentSeries,
    records: SeriesRecords,
    specs: Sequence[_Spec],
    *,
    condition: Expression | None,
) -> list[tuple[_Spec, SeriesRecords | GraphError]]:
    """Return each requested graph or table with what `read_subset` returns for it, or the error it raises."""

    def subset(where: Where | None) -> SeriesRecords | GraphError:
        try:
            return read_subset(session, series, records, where=where, condition=condition)
        except GraphError as error:
            return error

    return [(spec, subset(spec.where)) for spec in specs]


def read_subset(
    session: Session,
    series: ExperimentSeries,
    records: SeriesRecords,
    *,
    where: Where | None = None,
    condition: Expression | None = None,
) -> SeriesRecords:
    """Return the records of the experiments that match, sharing the arrays of all records.

    Parameters
    ----------
    session : Session
        In the same snapshot as `records` were read.
    series : ExperimentSeries
    records : SeriesRecords
        Of all of its experiments.
    where : str or mapping, optional
        Of one graph or table; a mapping is not applied here.
    condition : Expression, optional
        Of all graphs and tables; both must match.

    Raises
    ------
    GraphError
        An expression has a name that the series does not have.
    """
    wanted = [] if condition is None else [condition]
    if isinstance(where, str):
        try:
            # A new file's expressions were checked when it was loaded.
            wanted.insert(0, expression_of(session, series, where, is_recorded=True))
        except ExpressionError as error:
            raise GraphError(f"where: {error.in_one_line()}") from error
    if not wanted:
        return records
    conditions, texts = [part.to_sql(session) for part in wanted], [part.text for part in wanted]
    statement = select_experiments("id", "configuration", "status", "retired").where(
        Experiment.series_id == series.id, and_(True, *conditions)
    )
    causes = causes_of_failures(session, series.id)
    named: set[int] = set()
    completed: set[int] = set()
    missing: dict[int, Counter[str]] = {}
    retired: Counter[int] = Counter()
    for row in session.execute(statement):
        if row.retired:
            retired[row.configuration] += row.status is ExperimentStatus.COMPLETED
            continue
        named.add(row.id)
        others = missing.setdefault(row.configuration, Counter())
        if row.status is ExperimentStatus.COMPLETED:
            completed.add(row.id)
        else:
            others[causes.get(row.id, shown_status(row.status))] += 1
    code = read_code(session, series.id, conditions)
    return replace(
        records,
        configurations=[
            replace(
                configuration,
                completed=[
                    experiment for experiment in configuration.completed if experiment.id in completed
                ],
                missing=missing[configuration.id],
            )
            for configuration in records.configurations
            if configuration.id in missing
        ],
        no_longer_named=[
            replace(left_out, count=retired[left_out.configuration_id])
            for left_out in records.no_longer_named
            if retired[left_out.configuration_id]
        ],
        curves=_of(records.curves, completed),
        times=_of(records.times, completed),
        attempts=[attempt for attempt in records.attempts if attempt.experiment_id in named],
        code=versions_of(code, missing),
        configuration_code=code,
        where=" and ".join(texts if len(texts) == 1 else (f"({text})" for text in texts)),
    )


def _of(
    by_metric: Mapping[str, Mapping[int, _Kept]], experiment_ids: set[int]
) -> dict[str, dict[int, _Kept]]:
    return {
        metric: {id_: kept for id_, kept in by_experiment.items() if id_ in experiment_ids}
        for metric, by_experiment in by_metric.items()
    }
