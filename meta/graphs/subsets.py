"""The records of some experiments of a series: what `where` of a graph and `--where` leave."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from database.expressions import ExpressionError
from database.models import Experiment, ExperimentSeries, ExperimentStatus
from experiments.parameters import canonical, nest
from experiments.selecting import condition_of
from experiments.series_file.graphs import GraphSpec, Where
from experiments.series_file.models import SeriesFile
from meta.graphs.errors import GraphError
from meta.graphs.records import SeriesRecords, read_records
from meta.graphs.values import ABSENT


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


@dataclass(frozen=True)
class Subset:
    """Which experiments a graph is about.

    Attributes
    ----------
    graph : str, mapping or None
        The graph's own `where`: an expression, or the exact values of parameters.
    command : str or None
        The expression that holds for all graphs of a command.
    """

    graph: Where | None = None
    command: str | None = None

    def __str__(self) -> str:
        own = self.graph
        if isinstance(own, Mapping):
            own = ", ".join(
                f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in own.items()
            )
        texts = [text for text in (own, self.command) if text is not None]
        return texts[0] if len(texts) == 1 else " and ".join(f"({text})" for text in texts)

    def expressions(self) -> list[str]:
        """Return those that the database judges."""
        return [text for text in (self.graph, self.command) if isinstance(text, str)]


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
    asked: list[tuple[GraphSpec, SeriesRecords | GraphError]] = []
    for spec in records.specs:
        try:
            asked.append((spec, read_subset(session, series, records, Subset(spec.where, where))))
        except GraphError as error:
            asked.append((spec, error))
    return Reading(read_subset(session, series, records, Subset(command=where)), asked, where)


def read_subset(
    session: Session, series: ExperimentSeries, records: SeriesRecords, subset: Subset
) -> SeriesRecords:
    """Return what is left of the records of a series, which share what is in them.

    Parameters
    ----------
    session : Session
        In the same snapshot as `records` were read.
    series : ExperimentSeries
    records : SeriesRecords
        Of all of its experiments.
    subset : Subset

    Raises
    ------
    GraphError
        An expression has a name that the series does not have.
    """
    if subset == Subset():
        return records
    try:
        conditions = [condition_of(session, series, text) for text in subset.expressions()]
    except ExpressionError as error:
        raise GraphError(f"where: {error.in_one_line()}") from error
    statement = select(
        Experiment.id, Experiment.configuration_id, Experiment.status, Experiment.retired
    ).where(Experiment.series_id == series.id, and_(True, *conditions))
    equal = _equal_configurations(records, subset.graph) if isinstance(subset.graph, Mapping) else None
    completed: set[int] = set()
    named: set[int] = set()
    statuses: Counter[ExperimentStatus] = Counter()
    retired = 0
    for row in session.execute(statement):
        if equal is not None and row.configuration_id not in equal:
            continue
        if row.retired:
            retired += row.status is ExperimentStatus.COMPLETED
            continue
        named.add(row.configuration_id)
        claimed = row.status is ExperimentStatus.CLAIMED
        statuses[ExperimentStatus.PENDING if claimed else row.status] += 1
        if row.status is ExperimentStatus.COMPLETED:
            completed.add(row.id)
    configurations = [
        replace(found, completed=[one for one in found.completed if one.id in completed])
        for found in records.configurations
        if found.id in named
    ]
    curves = {
        metric: {one: curve for one, curve in found.items() if one in completed}
        for metric, found in records.curves.items()
    }
    return replace(
        records,
        configurations=configurations,
        statuses=statuses,
        retired=retired,
        curves=curves,
        where=str(subset),
    )


def _equal_configurations(records: SeriesRecords, wanted: Mapping[str, Any]) -> set[int]:
    """Return the configurations that have exactly these values: 1, 1.0 and true differ."""
    texts = {name: canonical(_nested(value)) for name, value in wanted.items()}
    return {
        found.id
        for found in records.configurations
        if all(
            found.parameters.get(name, ABSENT) is not ABSENT and canonical(found.parameters[name]) == text
            for name, text in texts.items()
        )
    }


def _nested(value: Any) -> Any:
    return nest(value) if isinstance(value, Mapping) else value
