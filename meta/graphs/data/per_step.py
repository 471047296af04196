"""The numbers of curves: a metric over steps or over time, one line per configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.series_file.sections.graphs import SECONDS
from meta.graphs.data.curve_ends import Ends
from meta.graphs.data.estimates import Measure
from meta.graphs.data.graph_data import Cell, Line, Numbers
from meta.graphs.data.groups import Group, make_groups, panels_of
from meta.graphs.data.plan import Plan
from meta.graphs.data.smoothing import TIMES, elapsed, over_time, smoothed
from meta.records.readings import missing_of, refuse_huge
from meta.records.series_records import CompletedExperiment, SeriesRecords
from meta.statistics.estimators.curves import Curve, CurveMatrix, StepGrid

Floats = NDArray[np.float64]

#: So many single repetitions of a line are drawn at most: more are one stain.
MAX_RUNS = 50


def compute(plan: Plan, records: SeriesRecords) -> Numbers:
    """Compute what a graph of curves shows.

    Raises
    ------
    GraphError
        There would be too many lines or panels, or nothing to draw.
    """
    groups = make_groups(plan, records)
    curves = records.curves[plan.y.key]
    for curve in curves.values():
        refuse_huge(curve.readings, plan.y.key)
    shown = _smoothed(curves, plan.spec.smoothing)
    found = [_logged(group, shown) for group in groups]
    everything = [shown[one.id] for logged in found for some in logged for one in some]
    grid = StepGrid() if plan.x == SECONDS else StepGrid.covering(everything)
    times = _Times(records.times[plan.y.key], shown) if plan.x == SECONDS else None
    measure = Measure.of(plan.spec, records.name, plan.y.key, shares_seeds=records.shares_seeds)
    lines: list[tuple[Group, Line]] = []
    cells: list[Cell] = []
    incomplete: list[str] = []
    ends = Ends(plan)
    for group, logged in zip(groups, found, strict=True):
        label = group.cell_label(plan, group.members[0])
        there = [some for some in logged if some]
        line = None
        if there and (len(there) == len(logged)):
            order = [one for some in there for one in some]
            chosen = [shown[one.id] for one in order]
            matrix = times.matrix([one.id for one in order]) if times else grid.matrix(chosen)
            repetitions = [np.array([one.repetition for one in some], dtype=np.int64) for some in there]
            line = _line(plan, group, measure, _Matrix(matrix, repetitions))
            if line is not None:
                ends.add(group, matrix, [len(some) for some in there], line.x)
        is_nan = False
        if line is not None:
            lines.append((group, line))
        elif there:
            is_nan = not any(np.isfinite(curves[one.id].readings).any() for some in there for one in some)
            incomplete += [] if is_nan else [label]
        drawn = sum(map(len, there)) if line is not None else 0
        cells.append(Cell(label, drawn, missing_of(group.members), is_nan=is_nan))
    ids = [one.id for logged in found for some in logged for one in some]
    return Numbers(
        panels_of(groups, lines),
        cells,
        without=sum(len(group.completed()) for group in groups) - len(ids),
        non_finite=sum(int(np.count_nonzero(~np.isfinite(curves[one].readings))) for one in ids),
        window=grid.window,
        incomplete=incomplete,
        early=ends.early,
        cut=ends.cut,
    )


def _smoothed(curves: Mapping[int, Curve], width: int | None) -> Mapping[int, Curve]:
    if width is None:
        return curves
    return {identity: smoothed(curve, width) for identity, curve in curves.items()}


def _logged(group: Group, curves: Mapping[int, Curve]) -> list[list[CompletedExperiment]]:
    """Return per configuration the experiments that logged the metric."""
    return [[one for one in member.completed if one.id in curves] for member in group.members]


class _Times:
    """Curves on a grid of times that all of them share."""

    def __init__(self, seconds: Mapping[int, Floats], curves: Mapping[int, Curve]) -> None:
        self._seconds = {identity: elapsed(seconds[identity]) for identity in curves}
        self._curves = curves
        longest = max((times[-1] for times in self._seconds.values() if len(times)), default=0.0)
        self._grid = np.linspace(0.0, longest, TIMES)

    def matrix(self, identities: Sequence[int]) -> CurveMatrix:
        curves = [self._curves[identity] for identity in identities]
        return over_time(curves, [self._seconds[identity] for identity in identities], self._grid)


@dataclass(frozen=True)
class _Matrix:
    """The curves of one line, and of which repetitions of each configuration they are."""

    curves: CurveMatrix
    repetitions: Sequence[NDArray[np.int64]]


def _line(plan: Plan, group: Group, measure: Measure, found: _Matrix) -> Line | None:
    """Return the line of the steps at which every configuration has a reading."""
    matrix = found.curves
    parts = np.split(matrix.readings, np.cumsum([len(one) for one in found.repetitions])[:-1])
    keep = np.all([np.isfinite(part).any(axis=0) for part in parts], axis=0)
    if not keep.any():
        return None
    if plan.x == SECONDS:
        # A line through a time in which nobody logged anything would tell what nobody knows.
        there = np.flatnonzero(keep)
        keep[there[0] : there[-1] + 1] = True
    kept = [part[:, keep] for part in parts]
    interval = measure.of_columns(kept[0]) if len(kept) == 1 else measure.of_curves(kept, found.repetitions)
    x = matrix.steps[keep]
    # All repetitions of all lines together would be as much as everything that was logged.
    runs = [CurveMatrix(x, part[:MAX_RUNS].copy()) for part in kept] if plan.spec.points else []
    return Line(group.label, group.number, group.look, x, interval, runs=runs)
