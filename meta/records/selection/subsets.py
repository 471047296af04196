"""The records of the experiments of a series that match `where` of a graph and `--where`.

Choosing configurations by a mapping of parameters needs no database: see `parameter_filter` beside this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from database.expressions import Expression, ExpressionError
from database.models import Experiment, ExperimentSeries
from experiments.series_file.models import SeriesFile
from experiments.series_file.sections.graphs import GraphSpec, Where
from experiments.series_file.sections.tables import TableSpec
from experiments.where import expression_of
from meta.records.code_versions import read_code
from meta.records.errors import GraphError
from meta.records.read_records import read_records
from meta.records.series_records import SeriesRecords
from meta.records.step_counters import with_step_counters

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
    if not records.specs:
        common = with_step_counters(session, series, common)
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
    matching = set(
        session.scalars(
            select(Experiment.id).where(Experiment.series_id == series.id, and_(True, *conditions))
        )
    )
    configurations = []
    for configuration in records.configurations:
        completed = [experiment for experiment in configuration.completed if experiment.id in matching]
        unfinished = {id_: end for id_, end in configuration.unfinished.items() if id_ in matching}
        if completed or unfinished:
            configurations.append(replace(configuration, completed=completed, unfinished=unfinished))
    no_longer_named = []
    for retired in records.no_longer_named:
        experiments = [id_ for id_ in retired.experiments if id_ in matching]
        if experiments:
            no_longer_named.append(replace(retired, experiments=experiments))
    return replace(
        records,
        whole=records.whole or records,
        configurations=configurations,
        no_longer_named=no_longer_named,
        curves=_of(records.curves, matching),
        times=_of(records.times, matching),
        attempts=[attempt for attempt in records.attempts if attempt.experiment_id in matching],
        experiments_code=read_code(session, series.id, conditions),
        chosen_from=records.size(),
        where=" and ".join(texts if len(texts) == 1 else (f"({text})" for text in texts)),
    )


def _of(
    by_metric: Mapping[str, Mapping[int, _Kept]], experiment_ids: set[int]
) -> dict[str, dict[int, _Kept]]:
    return {
        metric: {id_: kept for id_, kept in by_experiment.items() if id_ in experiment_ids}
        for metric, by_experiment in by_metric.items()
    }
