"""The numbers of graphs as rows, for a `data.csv` of what a figure shows.

A row has the parameters that distinguish its line, panel and point (``parameters.NAME``), ``result`` or
``metric`` (of which one), and the numbers. What a point does not have is None.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from experiments.series_file.sections.graphs import STEP
from meta.graphs.data.graph_data import GraphData, Line
from meta.graphs.data.plan import Plan
from meta.records.value_set import ABSENT

#: One line of the file, by the names of its columns.
Row = Mapping[str, Any]


def estimates(plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield the points: ``value`` between ``low`` and ``high``, over ``n`` readings."""
    for line in data.lines:
        interval = line.interval
        ends = zip(interval.estimate.tolist(), interval.low.tolist(), interval.high.tolist(), strict=True)
        counts = interval.count.tolist()
        for place, (value, low, high), count in zip(line.x.tolist(), ends, counts, strict=True):
            yield {
                **_of_point(plan, line, place),
                "value": known(value),
                "low": known(low),
                "high": known(high),
                "n": count,
            }


def readings(plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield each reading, in the order of repetitions."""
    for line in data.lines:
        for place, values in zip(line.x.tolist(), line.readings, strict=True):
            for value in values.tolist():
                yield {**_of_point(plan, line, place), "value": value}


def of_line(plan: Plan, line: Line) -> dict[str, Any]:
    """Return the columns that all points of a line share."""
    return {**of_parameters(line.parameters), "result": plan.y.key}


def of_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of some parameters."""
    return {f"parameters.{name}": value for name, value in parameters.items()}


def _of_point(plan: Plan, line: Line, place: float) -> dict[str, Any]:
    """Return the columns that identify a point: its line, and its place on the x axis."""
    if plan.is_curve:
        at = int(place) if plan.x == STEP and place.is_integer() else place
        return {**of_parameters(line.parameters), "metric": plan.y.key, plan.x: at}
    value = plan.values[plan.x].values[int(place)] if plan.x in plan.values else ABSENT
    here = {} if value is ABSENT else {plan.x: value}
    return {**of_parameters({**line.parameters, **here}), "result": plan.y.key}


def known(value: float) -> float | None:
    """Return a number, or None for NaN."""
    return None if math.isnan(value) else value
