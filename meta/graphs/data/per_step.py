"""The numbers of curves: a metric over steps or over time, one line per configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

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
from meta.statistics.estimators.curves import Curve, CurveMatrix, StepGrid

Floats = NDArray[np.float64]

#: So many single repetitions of a line are drawn at most: more are one stain.
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
    built = [builder.build(group) for group in groups]
    lines = [(group, one.line) for group, one in zip(groups, built, strict=True) if one.line is not None]
    return GraphData(
        panels_of(groups, lines),
        [one.covered for one in built],
        without=sum(one.without for one in built),
        non_finite=sum(one.non_finite for one in built),
        window=builder.window,
        incomplete=[one.covered.label for one in built if one.is_incomplete],
        early=[one.early for one in built if one.early is not None],
        undrawn=[one.undrawn for one in built if one.undrawn is not None],
    )


@dataclass(frozen=True)
class _Built:
    """The line of a group, or what is known of it where there is none.

    Attributes
    ----------
    covered : Coverage
    without, non_finite : int
        How many experiments did not log the metric, and how many values are not finite.
    is_incomplete : bool
        Whether there is no line because some configuration has no value where another has one.
    line : Line or None
    early : EarlyEnd or None
    undrawn : UndrawnSteps or None
    """

    covered: Coverage
    without: int
    non_finite: int
    is_incomplete: bool = False
    line: Line | None = None
    early: EarlyEnd | None = None
    undrawn: UndrawnSteps | None = None


class _LineBuilder:
    """Makes the lines of a graph, all on the same steps or times."""

    def __init__(self, plan: Plan, records: SeriesRecords) -> None:
        self._plan = plan
        metric = plan.y.key
        self._aggregator = Aggregator.of(plan.spec, records.name, metric, shares_seeds=records.shares_seeds)
        self._curves = records.curves[metric]
        for curve in self._curves.values():
            refuse_huge(curve.readings, metric)
        width = plan.spec.smoothing
        shown = {
            identity: curve if width is None else smoothed(curve, width)
            for identity, curve in self._curves.items()
        }
        self.window = 1  # how many consecutive steps each point averages
        self._matrix: Callable[[Sequence[int]], CurveMatrix]
        if plan.x == SECONDS:
            self._matrix = _Times(shown, records.times[metric]).matrix
        else:
            chosen = [one.id for found in records.configurations for one in found.completed]
            grid = StepGrid.covering([shown[identity] for identity in chosen if identity in shown])
            self.window = grid.window
            self._matrix = lambda identities: grid.matrix([shown[identity] for identity in identities])

    def build(self, group: Group) -> _Built:
        """Return the line of a group, unless one of its configurations has no value of it."""
        logged = [[one for one in member.completed if one.id in self._curves] for member in group.members]
        experiments = [one for some in logged for one in some]
        is_finite = [np.isfinite(self._curves[one.id].readings) for one in experiments]
        has_values = any(finite.any() for finite in is_finite)
        built = _Built(
            Coverage(group.cell_label(self._plan, group.members[0]), 0, missing_of(group.members)),
            without=len(group.completed()) - len(experiments),
            non_finite=sum(int(np.count_nonzero(~finite)) for finite in is_finite),
            is_incomplete=has_values,
        )
        if all(logged):
            curves = _Curves.of(self._matrix([one.id for one in experiments]), logged)
            if curves.common.any():
                return self._with_line(built, group, curves)
        is_nan = bool(experiments) and not has_values
        return replace(built, covered=replace(built.covered, is_nan=is_nan))

    def _with_line(self, built: _Built, group: Group, curves: _Curves) -> _Built:
        label, steps = built.covered.label, curves.matrix.steps
        is_time = self._plan.x == SECONDS  # no two repetitions begin or end at the same one
        drawn = _without_gaps(curves.common) if is_time else curves.common
        last = float(steps[drawn][-1])
        names = [self._plan.described(self._plan.over, member.parameters) for member in group.members]
        return replace(
            built,
            covered=replace(built.covered, drawn=len(curves.matrix.readings)),
            is_incomplete=False,
            line=self._line(group, curves, drawn),
            early=None if is_time else EarlyEnd.find(label, curves.matrix, last),
            undrawn=UndrawnSteps.find(
                label, dict(zip(names, curves.has, strict=True)), steps, steps <= last if is_time else drawn
            ),
        )

    def _line(self, group: Group, curves: _Curves, drawn: NDArray[np.bool_]) -> Line:
        parts, x = [part[:, drawn] for part in curves.parts], curves.matrix.steps[drawn]
        if len(parts) == 1:
            interval = self._aggregator.of_columns(parts[0])
        else:
            interval = self._aggregator.of_curves(parts, curves.repetitions)
        # All repetitions of all lines together would be as much as everything that was logged.
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
        parts = np.split(matrix.readings, np.cumsum([len(some) for some in logged])[:-1])
        repetitions = [np.array([one.repetition for one in some], dtype=np.int64) for some in logged]
        return cls(matrix, parts, repetitions, np.array([np.isfinite(part).any(axis=0) for part in parts]))

    @property
    def common(self) -> NDArray[np.bool_]:
        """Where every configuration has a value, shape (steps,)."""
        return np.asarray(self.has.all(axis=0))


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


def _without_gaps(common: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill gaps between the first and the last time, as later values are the last ones logged."""
    found = common.copy()
    places = np.flatnonzero(common)
    found[places[0] : places[-1] + 1] = True
    return found
