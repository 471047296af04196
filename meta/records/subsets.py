"""The records of some experiments of a series: what expressions in `where` of a graph and in `--where` leave.

A mapping of parameters leaves whole configurations, which needs no database: `meta.records.parameter_filter`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import and_
from sqlalchemy.orm import Session

from database.expressions import ExpressionError
from database.models import Experiment, ExperimentSeries, ExperimentStatus
from database.queries.experiment_rows import select_experiments, shown_status
from experiments.series_file.models import SeriesFile
from experiments.series_file.sections.graphs import GraphSpec, Where
from meta.records.chosen_series import Condition
from meta.records.code_versions import read_code, versions_of
from meta.records.errors import GraphError
from meta.records.read_records import causes_of_failures, read_records
from meta.records.series_records import SeriesRecords

_Kept = TypeVar("_Kept")


@dataclass(frozen=True)
class GraphRecords:
    """What the graphs of a series are drawn from, read in one snapshot.

    Attributes
    ----------
    common : SeriesRecords
        For graphs that the series file does not ask for.
    requested : sequence
        Each graph that it asks for, with its records, or why there are none.
    where : str or None
        The expression that holds for all of them.
    """

    common: SeriesRecords
    requested: Sequence[tuple[GraphSpec, SeriesRecords | GraphError]]
    where: str | None = None


def read_series(
    session: Session,
    series: ExperimentSeries,
    file: SeriesFile | None = None,
    condition: Condition | None = None,
) -> GraphRecords:
    """Read a series once, and of each of its graphs which experiments it is about.

    Parameters
    ----------
    session : Session
        In a snapshot.
    series : ExperimentSeries
    file : SeriesFile, optional
        Has other graphs, labels and units than those recorded.
    condition : Condition, optional
        Only experiments that it is true of.
    """
    records = read_records(session, series, file)
    requested = [
        (spec, try_subset(session, series, records, where=spec.where, condition=condition))
        for spec in records.specs
    ]
    common = read_subset(session, series, records, condition=condition)
    return GraphRecords(common, requested, condition.text if condition else None)


def try_subset(
    session: Session,
    series: ExperimentSeries,
    records: SeriesRecords,
    *,
    where: Where | None,
    condition: Condition | None,
) -> SeriesRecords | GraphError:
    """Return what `read_subset` does, or the error that it raises: others may still be wanted."""
    try:
        return read_subset(session, series, records, where=where, condition=condition)
    except GraphError as error:
        return error


def read_subset(
    session: Session,
    series: ExperimentSeries,
    records: SeriesRecords,
    *,
    where: Where | None = None,
    condition: Condition | None = None,
) -> SeriesRecords:
    """Return what is left of the records of a series, which share what is in them.

    Parameters
    ----------
    session : Session
        In the same snapshot as `records` were read.
    series : ExperimentSeries
    records : SeriesRecords
        Of all of its experiments.
    where : str or mapping, optional
        Of one graph or table; a mapping leaves all here.
    condition : Condition, optional
        Of all of them; both must be true.

    Raises
    ------
    GraphError
        An expression has a name that the series does not have.
    """
    wanted = [] if condition is None else [condition]
    if isinstance(where, str):
        try:
            # A new file's expressions were checked when it was loaded.
            wanted.insert(0, Condition.of(session, series, where, is_recorded=True))
        except ExpressionError as error:
            raise GraphError(f"where: {error.in_one_line()}") from error
    if not wanted:
        return records
    conditions, texts = [part.sql for part in wanted], [part.text for part in wanted]
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
