"""The numbers of graphs as rows, for a `data.csv` of what a figure shows.

A row has the parameters that distinguish its line, panel and point (``parameters.NAME``), ``result`` or
``metric`` (of which one), and the numbers. What a point does not have is None.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any

from experiments.series_file.sections.graph_kinds import STEP
from meta.graphs.data.graph_data import Estimates, GraphData, Line
from meta.graphs.data.plan import Plan

#: One line of the file, by the names of its columns.
Row = Mapping[str, Any]


def estimates(plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield the points: ``value`` between ``low`` and ``high``, an ``interval``, over ``n`` readings."""
    for line in data.lines:
        how = line.interval.method.tolist(), line.interval.count.tolist()
        points = zip(_points(plan, line), _ends(line.interval), *how, strict=True)
        for point, (value, low, high), method, count in points:
            ends = {"value": value, "low": low, "high": high}
            yield {**point, **ends, "interval": method or None, "n": count}


def readings(plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield each reading, in the order of repetitions."""
    for line in data.lines:
        for point, values in zip(_points(plan, line), line.readings, strict=True):
            for value in values.tolist():
                yield {**point, "value": value}


def of_line(plan: Plan, line: Line) -> dict[str, Any]:
    """Return the columns that all points of a line share."""
    return {**of_parameters(line.parameters), "result": plan.y.key}


def of_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of some parameters."""
    return {f"parameters.{name}": value for name, value in parameters.items()}


def _points(plan: Plan, line: Line) -> Iterator[dict[str, Any]]:
    """Yield the columns that identify each point: its line, and its place along x."""
    if plan.rules.over_steps:
        for place in line.x.tolist():
            at = int(place) if plan.x == STEP and place.is_integer() else place
            yield {**of_parameters(line.parameters), "metric": plan.y.key, plan.x: at}
        return
    x: Iterable[Row] = repeat({})
    if plan.across is not None and line.across is not None:
        key, names = plan.across.key, ("x", "x_low", "x_high", "x_interval")
        methods = (method or None for method in line.across.method.tolist())
        points = zip(_ends(line.across), methods, strict=True)
        x = ({"x_result": key, **dict(zip(names, (*ends, how), strict=True))} for ends, how in points)
    for settings, across in zip(line.settings, x, strict=False):
        yield {**of_parameters({**line.parameters, **settings}), **across, "result": plan.y.key}


def _ends(interval: Estimates) -> Iterator[tuple[float | None, ...]]:
    """Yield the estimate and the ends of each point, with None for NaN."""
    arrays = (interval.estimate, interval.low, interval.high)
    for ends in zip(*(array.tolist() for array in arrays), strict=True):
        yield tuple(None if math.isnan(end) else end for end in ends)
