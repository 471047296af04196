"""The numbers of graphs that show results: one point, or one set of readings, per line and value of x."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from meta.graphs.data.estimates import Aggregator
from meta.graphs.data.graph_data import Coverage, GraphData, Line, SampleSizes
from meta.graphs.data.groups import Group, make_groups, panels_of
from meta.graphs.data.plan import Plan
from meta.records.readings import Point, missing_of
from meta.records.series_records import SeriesRecords


def compute(plan: Plan, records: SeriesRecords) -> GraphData:
    """Compute what a graph of results shows.

    Raises
    ------
    GraphError
        There would be too many lines or panels, or nothing to draw.
    """
    groups = make_groups(plan, records)
    aggregator = Aggregator.of(plan.spec, records.name, plan.y.key, shares_seeds=plan.shares_seeds)
    lines: list[tuple[Group, Line]] = []
    coverage: list[Coverage] = []
    incomplete: list[str] = []
    without = non_finite = 0
    for group in groups:
        places: list[int] = []
        points: list[Point] = []
        for place, members in group.by_x(plan):
            point = Point.of(members, plan.y.key)
            without += point.without
            non_finite += point.non_finite
            label = group.cell_label(plan, members[0])
            is_drawn = len(point.readings) > 0 and (plan.rules.shows_values or point.is_complete)
            drawn = len(point.readings) if is_drawn else 0
            is_nan = point.non_finite > 0 and not len(point.readings)
            coverage.append(Coverage(label, drawn, missing_of(members), is_nan=is_nan))
            if is_drawn:
                places.append(place)
                points.append(point)
            if len(point.readings) and not point.is_complete:
                incomplete.append(label)
        if points:
            lines.append((group, _line(plan, group, aggregator, places=places, points=points)))
    return GraphData(
        panels_of(groups, lines),
        coverage,
        without=without,
        non_finite=non_finite,
        incomplete=incomplete,
    )


def _line(
    plan: Plan, group: Group, aggregator: Aggregator, *, places: list[int], points: list[Point]
) -> Line:
    pooled = [point.readings for point in points]
    is_pooled = plan.rules.shows_values
    scores = [readings[:, None] for readings in pooled] if is_pooled else [point.scores for point in points]
    sample_sizes = SampleSizes.of_points([point.sizes for point in points])
    return Line(
        group.label,
        group.number,
        group.style,
        np.array(places, dtype=np.float64),
        replace(aggregator.of_points(scores), sample_sizes=sample_sizes),
        readings=pooled,
    )
