"""The numbers of curves: a metric over steps or over time, one line per configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.series_file.sections.graphs import SECONDS
from meta.graphs.data.curve_ends import EarlyEnd, UndrawnSteps
from meta.graphs.data.estimates import Aggregator
from meta.graphs.data.graph_data import Coverage, GraphData, Line
from meta.graphs.data.groups import Group, make_groups, panels_of
from meta.graphs.data.plan import Plan
from meta.graphs.data.smoothing import TIMES, elapsed, over_time, smoothed
from meta.records.readings import missing_of, refuse_huge
from meta.records.series_records import CompletedExperiment, SeriesRecords
from meta.statistics.estimators.arrays import Floats
from meta.statistics.estimators.curves import Curve, CurveMatrix, StepGrid

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
    for group in groups:
        builder.add(group)
    return GraphData(
        panels_of(groups, builder.lines),
        builder.coverage,
        without=builder.without,
        non_finite=builder.non_finite,
        window=builder.window,
        incomplete=builder.incomplete,
        early=builder.early,
        undrawn=builder.undrawn,
    )


class _LineBuilder:
    """Makes the line of each group, all on the same steps or times, and collects what it lacks."""

    def __init__(self, plan: Plan, records: SeriesRecords) -> None:
        self.lines: list[tuple[Group, Line]] = []
        self.coverage: list[Coverage] = []
        self.incomplete: list[str] = []
        self.early: list[EarlyEnd] = []
        self.undrawn: list[UndrawnSteps] = []
        self.without = self.non_finite = 0
        self.window = 1  # how many consecutive steps each point averages
        self._plan = plan
        metric = plan.y.key
        self._aggregator = Aggregator.of(plan.spec, records.name, metric, shares_seeds=plan.shares_seeds)
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
            self._matrix = _Times(shown, records.times[metric]).matrix
        else:
            chosen = [experiment.id for member in records.configurations for experiment in member.completed]
            grid = StepGrid.covering([shown[identity] for identity in chosen if identity in shown])
            self.window = grid.window
            self._matrix = lambda identities: grid.matrix([shown[identity] for identity in identities])

    def add(self, group: Group) -> None:
        """Make the line of a group, unless one of its configurations has no value of it."""
        logged = [
            [experiment for experiment in member.completed if experiment.id in self._curves]
            for member in group.members
        ]
        experiments = [experiment for configuration in logged for experiment in configuration]
        is_finite = [np.isfinite(self._curves[experiment.id].readings) for experiment in experiments]
        self.without += len(group.completed()) - len(experiments)
        self.non_finite += sum(int(np.count_nonzero(~finite)) for finite in is_finite)
        label = group.cell_label(self._plan, group.members[0])
        line = None
        if all(logged):
            curves = _Curves.of(self._matrix([experiment.id for experiment in experiments]), logged)
            line = self._line(label, group, curves)
        has_values = any(finite.any() for finite in is_finite)
        if line is not None:
            self.lines.append((group, line))
        elif has_values:
            self.incomplete.append(label)
        drawn = 0 if line is None else len(experiments)
        is_nan = line is None and bool(experiments) and not has_values
        self.coverage.append(Coverage(label, drawn, missing_of(group.members), is_nan=is_nan))

    def _line(self, label: str, group: Group, curves: _Curves) -> Line | None:
        """Return the line of the steps at which every configuration has a value."""
        steps, drawn = curves.matrix.steps, np.asarray(curves.has.all(axis=0))
        if not drawn.any():
            return None
        expected = drawn
        last = float(steps[drawn][-1])
        if self._plan.x == SECONDS:
            # No two repetitions begin or end at the same time; and in a gap, values are the last ones logged.
            expected = np.asarray(steps <= last)
            drawn = expected & (np.cumsum(drawn) > 0)
        elif early := EarlyEnd.find(label, curves.matrix, last):
            self.early.append(early)
        names = [self._plan.described(self._plan.over, member.parameters) for member in group.members]
        has = dict(zip(names, curves.has, strict=True))
        if undrawn := UndrawnSteps.find(label, has, steps, expected):
            self.undrawn.append(undrawn)
        parts, x = [part[:, drawn] for part in curves.parts], steps[drawn]
        if len(parts) == 1:
            interval = self._aggregator.of_columns(parts[0])
        else:
            interval = self._aggregator.of_curves(parts, curves.repetitions)
        # A copy of the first ones: a view would keep all repetitions in memory.
        kept = parts if self._plan.spec.points else []
        runs = [CurveMatrix(x, part[:MAX_RUNS].copy()) for part in kept]
        return Line(group.label, group.number, group.style, x, interval, runs=runs)


@dataclass(frozen=True)
class _Curves:
    """The curves of one line.

    Attributes
    ----------
    matrix : CurveMatrix
    parts : sequence of ndarray, shape (repetitions, steps)
        Its readings by configuration.
    repetitions : sequence of ndarray
        Which repetitions of each configuration these are.
    has : ndarray of bool, shape (configurations, steps)
        Where a configuration has a value.
    """

    matrix: CurveMatrix
    parts: Sequence[Floats]
    repetitions: Sequence[NDArray[np.int64]]
    has: NDArray[np.bool_]

    @classmethod
    def of(cls, matrix: CurveMatrix, logged: Sequence[Sequence[CompletedExperiment]]) -> _Curves:
        """Return the curves of these experiments, given by configuration."""
        parts = np.split(matrix.readings, np.cumsum([len(experiments) for experiments in logged])[:-1])
        repetitions = [
            np.array([experiment.repetition for experiment in experiments], dtype=np.int64)
            for experiments in logged
        ]
        return cls(matrix, parts, repetitions, np.array([np.isfinite(part).any(axis=0) for part in parts]))


class _Times:
    """Curves on a grid of times that all of them share."""

    def __init__(self, curves: Mapping[int, Curve], seconds: Mapping[int, Floats]) -> None:
        self._seconds = {identity: elapsed(seconds[identity]) for identity in curves}
        self._curves = curves
        longest = max((times[-1] for times in self._seconds.values() if len(times)), default=0.0)
        self._grid = np.linspace(0.0, longest, TIMES)

    def matrix(self, identities: Sequence[int]) -> CurveMatrix:
        curves = [self._curves[identity] for identity in identities]
        return over_time(curves, [self._seconds[identity] for identity in identities], self._grid)
