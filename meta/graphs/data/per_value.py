"""The numbers of graphs that show results: one point, or one set of readings, per line and value of x."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from meta.graphs.data.graph_data import Coverage, GraphData, Line, SampleSizes
from meta.graphs.data.groups import Group, make_groups, panels_of
from meta.graphs.data.plan import Plan
from meta.graphs.data.skewed import Skewed
from meta.records.readings import Point
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.arrays import Floats
from meta.statistics.intervals.rule import Method


def compute(plan: Plan, records: SeriesRecords) -> GraphData:
    """Compute what a graph of results shows.

    A graph of one result against another has a point per configuration, or per those that differ in what is
    averaged over only; experiments that lack one of the two results are left out of both.

    Raises
    ------
    GraphError
        There would be too many lines or panels, or nothing to draw.
    """
    groups = make_groups(plan, records)
    beside = () if plan.across is None else (plan.across.key,)
    names = records.parameter_table(plan.values).distinguishing(plan.spec.over) if beside else (plan.x,)
    lines: list[Line | None] = []
    coverage: list[Coverage] = []
    for group in groups:
        points: list[Point] = []
        for members in group.points(plan, names):
            point = Point.of(members, plan.y.key, *beside)
            first = members[0]
            label = plan.described(names, first.parameters) if beside else group.cell_label(plan, first)
            is_drawn = len(point.readings) > 0 and (plan.rules.shows_values or point.is_complete)
            configurations = plan.configuration_labels(members)
            coverage.append(Coverage.of(label, point, configurations, is_drawn=is_drawn))
            if is_drawn:
                points.append(point)
        lines.append(_line(plan, group, records, names=names, points=points) if points else None)
    return GraphData(panels_of(plan, groups, lines, coverage), coverage)


def marked(plan: Plan, line: Line) -> list[Floats]:
    """Return which readings of each point are drawn as marks: all if asked for, else both of two.

    These have no interval.
    """
    if plan.spec.points:
        return list(line.readings)
    shown = line.interval
    is_pair = (shown.count == 2) & (shown.sample_sizes.configurations == 1) & (shown.method == Method.NONE)
    is_pair &= plan.aggregator.interval != "none"
    return [
        readings if pair else readings[:0]
        for readings, pair in zip(line.readings, is_pair.tolist(), strict=True)
    ]


def _line(
    plan: Plan, group: Group, records: SeriesRecords, *, names: Sequence[str], points: Sequence[Point]
) -> Line:
    parameters = [point.members[0].parameters for point in points]
    is_pooled = plan.rules.shows_values
    scores = [point.readings[:, None] if is_pooled else point.scores for point in points]
    sample_sizes = SampleSizes.of_points([point.sizes for point in points])
    members = [point.members for point in points]
    interval = replace(plan.aggregator.of_points(scores, members), sample_sizes=sample_sizes)
    line = group.line(
        np.array([plan.place(plan.x, values) for values in parameters], dtype=np.float64),
        interval,
        readings=[point.readings for point in points],
        settings=[plan.chosen_parameters(names, values) for values in parameters],
        skewed=Skewed.of_points(scores, interval.method),
    )
    if plan.across is None:
        return line
    sideways = [Point.of(point.members, plan.across.key, plan.y.key) for point in points]
    pairs = [np.column_stack((x.readings, y.readings)) for x, y in zip(sideways, points, strict=True)]
    aggregator = plan.aggregator.about(records, plan.across.key, plan.across.label)
    across = aggregator.of_points([point.scores for point in sideways], members)
    return replace(line, across=across, readings=pairs)
