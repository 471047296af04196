"""The numbers of curves: a metric over steps or over time, one line per configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from experiments.series_file.sections.graph_kinds import SECONDS
from meta.graphs.data.curve_ends import EarlyEnd, UndrawnSteps
from meta.graphs.data.graph_data import Coverage, GraphData, Line
from meta.graphs.data.groups import Group, make_groups, panels_of
from meta.graphs.data.plan import Plan
from meta.graphs.data.skewed import Skewed
from meta.graphs.data.smoothing import TIMES, over_time, smoothed
from meta.records.readings import missing_of, refuse_huge
from meta.records.series_records import CompletedExperiment, SeriesRecords
from meta.statistics.estimators.curves import CurveMatrix, StepGrid
from meta.statistics.intervals.rule import Method

#: At most so many single repetitions of a line are drawn: more could not be distinguished.
MAX_RUNS = 50


def compute(plan: Plan, records: SeriesRecords) -> GraphData:
    """Compute what a graph of curves shows.

    Raises
    ------
    GraphError
        There would be too many lines or panels, or nothing to draw.
    """
    groups = make_groups(plan, records)
    builder = _LineBuilder(plan, records)
    parts = [builder.line_of(group) for group in groups]
    lines, coverage = [line for line, _ in parts], [covered for _, covered in parts]
    return GraphData(panels_of(plan, groups, lines, coverage), coverage, window=builder.window)


class _LineBuilder:
    """Makes the line of each group, all on the same steps or times."""

    def __init__(self, plan: Plan, records: SeriesRecords) -> None:
        self.window = 1  # how many consecutive steps each point averages
        self._plan = plan
        metric = plan.y.key
        self._curves = records.curves[metric]
        for curve in self._curves.values():
            refuse_huge(curve.readings, metric)
        width = plan.spec.smoothing
        shown = {
            identity: curve if width is None else smoothed(curve, width)
            for identity, curve in self._curves.items()
        }
        self._matrix: Callable[[Sequence[int]], CurveMatrix]
        if plan.x == SECONDS:
            times = {identity: records.times[metric][identity] for identity in shown}
            longest = max((float(ends.max()) for ends in times.values() if len(ends)), default=0.0)
            drawn = np.linspace(0.0, longest, TIMES)
            self._matrix = lambda identities: over_time(
                [shown[identity] for identity in identities],
                [times[identity] for identity in identities],
                drawn,
            )
        else:
            chosen = [experiment.id for member in records.configurations for experiment in member.completed]
            grid = StepGrid.covering([shown[identity] for identity in chosen if identity in shown])
            self.window = grid.window
            self._matrix = lambda identities: grid.matrix([shown[identity] for identity in identities])

    def line_of(self, group: Group) -> tuple[Line | None, Coverage]:
        """Return the line of a group, unless one of its configurations has no value, and what it shows."""
        logged = [
            [experiment for experiment in member.completed if experiment.id in self._curves]
            for member in group.members
        ]
        experiments = [experiment for configuration in logged for experiment in configuration]
        is_finite = [
            [np.isfinite(self._curves[experiment.id].readings) for experiment in configuration]
            for configuration in logged
        ]
        has_values = [any(finite.any() for finite in part) for part in is_finite]
        label = group.cell_label(self._plan, group.members[0])
        line = self._line(label, group, logged) if all(logged) else None
        names = self._plan.configuration_labels(group.members)
        has_none = [name for name, has in zip(names, has_values, strict=True) if not has]
        return line, Coverage(
            label,
            0 if line is None else len(experiments),
            missing_of(group.members),
            without=sum(len(member.completed) for member in group.members) - len(experiments),
            non_finite=sum(int(np.count_nonzero(~finite)) for part in is_finite for finite in part),
            readings=sum(bool(finite.any()) for part in is_finite for finite in part),
            configurations=sum(has_values),
            lacking=has_none if any(has_values) else (),
        )

    def _line(self, label: str, group: Group, logged: Sequence[Sequence[CompletedExperiment]]) -> Line | None:
        """Return the line of the steps at which every configuration has a value."""
        matrix = self._matrix([experiment.id for experiments in logged for experiment in experiments])
        steps = matrix.steps
        parts = np.split(matrix.readings, np.cumsum([len(experiments) for experiments in logged])[:-1])
        has = np.array([np.isfinite(part).any(axis=0) for part in parts])
        drawn = np.asarray(has.all(axis=0))
        if not drawn.any():
            return None
        expected = drawn
        last = float(steps[drawn][-1])
        early = None
        if self._plan.x == SECONDS:
            # No two repetitions begin or end at the same time; and in a gap, values are the last ones logged.
            expected = np.asarray(steps <= last)
            drawn = expected & (np.cumsum(drawn) > 0)
        else:
            early = EarlyEnd.find(label, matrix, last)
        names = self._plan.configuration_labels(group.members)
        undrawn = UndrawnSteps.find(label, dict(zip(names, has, strict=True)), steps, expected)
        parts, x = [part[:, drawn] for part in parts], steps[drawn]
        repetitions = [np.array([experiment.repetition for experiment in one]) for one in logged]
        if len(parts) == 1:
            interval = self._plan.aggregator.of_columns(parts[0], group.members)
        else:
            interval = self._plan.aggregator.of_curves(parts, repetitions, group.members)
        # Where nothing varied there is no interval; a band goes on there without a width.
        equal = interval.method == Method.NOTHING_VARIED
        low, high = (np.where(equal, interval.estimate, end) for end in (interval.low, interval.high))
        interval = replace(interval, low=low, high=high)
        # A copy of the first ones: a view would keep all repetitions in memory.
        kept = parts if self._plan.spec.points else []
        runs = [CurveMatrix(x, part[:MAX_RUNS].copy()) for part in kept]
        skewed = Skewed.of_steps(parts, repetitions, interval.method)
        return group.line(x, interval, runs=runs, early=early, undrawn=undrawn, skewed=skewed)
