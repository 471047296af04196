"""The records of some experiments of a series: what expressions in `where` of a graph and in `--where` leave.

A mapping of parameters leaves whole configurations, which needs no database: `SeriesRecords.chosen`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from database.expressions import ExpressionError
from database.models import Experiment, ExperimentSeries, ExperimentStatus
from database.queries.overview import shown_status
from experiments.series_file.models import SeriesFile
from experiments.series_file.sections.graphs import GraphSpec, Where
from experiments.where import condition_of
from meta.records.code_versions import read_code, versions_of
from meta.records.errors import GraphError
from meta.records.series_records import SeriesRecords, causes_of_failures, read_records

_Kept = TypeVar("_Kept")


@dataclass(frozen=True)
class Reading:
    """What the graphs of a series are drawn from, read in one snapshot.

    Attributes
    ----------
    common : SeriesRecords
        For graphs that the series file does not ask for.
    asked : sequence
        Each graph that it asks for, with its records, or why there are none.
    where : str or None
        The expression that holds for all of them.
    """

    common: SeriesRecords
    asked: Sequence[tuple[GraphSpec, SeriesRecords | GraphError]]
    where: str | None = None


def read_series(
    session: Session, series: ExperimentSeries, file: SeriesFile | None = None, where: str | None = None
) -> Reading:
    """Read a series once, and of each of its graphs which experiments it is about.

    Parameters
    ----------
    session : Session
        In a snapshot.
    series : ExperimentSeries
    file : SeriesFile, optional
        Has other graphs, labels and units than those recorded.
    where : str, optional
        An expression: only experiments that it is true of.
    """
    records = read_records(session, series, file)
    asked = [(spec, read_or_refuse(session, series, records, [spec.where, where])) for spec in records.specs]
    return Reading(read_subset(session, series, records, [where]), asked, where)


def read_or_refuse(
    session: Session, series: ExperimentSeries, records: SeriesRecords, wheres: Sequence[Where | None]
) -> SeriesRecords | GraphError:
    """Return what `read_subset` does, or the error that it raises: others may still be wanted."""
    try:
        return read_subset(session, series, records, wheres)
    except GraphError as error:
        return error


def read_subset(
    session: Session, series: ExperimentSeries, records: SeriesRecords, wheres: Sequence[Where | None]
) -> SeriesRecords:
    """Return what is left of the records of a series, which share what is in them.

    Parameters
    ----------
    session : Session
        In the same snapshot as `records` were read.
    series : ExperimentSeries
    records : SeriesRecords
        Of all of its experiments.
    wheres : sequence
        Of these the expressions, which must all be true.

    Raises
    ------
    GraphError
        An expression has a name that the series does not have.
    """
    texts = [where for where in wheres if isinstance(where, str)]
    if not texts:
        return records
    try:
        conditions = [condition_of(session, series, text) for text in texts]
    except ExpressionError as error:
        raise GraphError(f"where: {error.in_one_line()}") from error
    statement = select(
        Experiment.id, Experiment.configuration_id, Experiment.status, Experiment.retired
    ).where(Experiment.series_id == series.id, and_(True, *conditions))
    causes = causes_of_failures(session, series.id)
    named: set[int] = set()
    completed: set[int] = set()
    missing: dict[int, Counter[str]] = {}
    retired: Counter[int] = Counter()
    for row in session.execute(statement):
        if row.retired:
            retired[row.configuration_id] += row.status is ExperimentStatus.COMPLETED
            continue
        named.add(row.id)
        others = missing.setdefault(row.configuration_id, Counter())
        if row.status is ExperimentStatus.COMPLETED:
            completed.add(row.id)
        else:
            others[causes.get(row.id, shown_status(row.status))] += 1
    code = read_code(session, series.id, conditions)
    return replace(
        records,
        configurations=[
            replace(
                found,
                completed=[one for one in found.completed if one.id in completed],
                missing=missing[found.id],
            )
            for found in records.configurations
            if found.id in missing
        ],
        no_longer_named=[
            replace(one, count=retired[one.configuration_id])
            for one in records.no_longer_named
            if retired[one.configuration_id]
        ],
        curves=_of(records.curves, completed),
        times=_of(records.times, completed),
        attempts=[one for one in records.attempts if one.experiment_id in named],
        code=versions_of(code, missing),
        configuration_code=code,
        where=" and ".join(texts if len(texts) == 1 else (f"({text})" for text in texts)),
    )


def _of(
    by_metric: Mapping[str, Mapping[int, _Kept]], experiment_ids: set[int]
) -> dict[str, dict[int, _Kept]]:
    return {
        metric: {one: kept for one, kept in found.items() if one in experiment_ids}
        for metric, found in by_metric.items()
    }
