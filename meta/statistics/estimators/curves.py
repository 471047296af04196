"""Curves of several repetitions on one grid of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meta.statistics.estimators.arrays import Floats, Integers

#: A graph has fewer dots than this across; more steps are averaged within windows.
MAX_STEPS = 2_000


@dataclass(frozen=True)
class Curve:
    """One experiment's metric over steps.

    Attributes
    ----------
    steps : ndarray of int64, shape (points,)
        Ascending and distinct. Curves that were logged at the same steps may share the array.
    readings : ndarray of float64, shape (points,)
        What was logged, NaN and the infinities included.
    """

    steps: Integers
    readings: Floats


@dataclass(frozen=True)
class CurveMatrix:
    """The curves of one configuration.

    Attributes
    ----------
    steps : ndarray, shape (columns,)
        Ascending; the middle of each window when the grid has windows.
    readings : ndarray, shape (repetitions, columns)
        One row per curve; NaN where a curve has no reading.
    """

    steps: Floats
    readings: Floats


@dataclass(frozen=True)
class StepGrid:
    """The steps that several configurations are shown at.

    Attributes
    ----------
    window : int
        1 when the steps are those logged; else how many consecutive steps share a column.
        Each curve's readings within a window are averaged before anything else is computed.
    """

    window: int = 1

    @classmethod
    def covering(cls, curves: Sequence[Curve], max_steps: int = MAX_STEPS) -> StepGrid:
        """Return the finest grid on which all `curves` together have at most `max_steps` columns."""
        steps = _union(curves)
        if len(steps) <= max_steps:
            return cls()
        span = int(steps[-1]) - int(steps[0]) + 1
        return cls(_round_up(-(-span // (max_steps // 2))))

    def matrix(self, curves: Sequence[Curve]) -> CurveMatrix:
        """Return the curves of one configuration as a matrix, without columns that no curve has."""
        if self.window == 1:
            return _matrix(curves)
        windows = {
            id(curve.steps): np.unique(curve.steps // self.window, return_index=True) for curve in curves
        }
        matrix = _matrix([_averaged(curve, *windows[id(curve.steps)]) for curve in curves])
        return CurveMatrix(matrix.steps * self.window + (self.window - 1) / 2, matrix.readings)


def _averaged(curve: Curve, numbers: Integers, starts: Integers) -> Curve:
    """Return the mean of the finite readings per window; `starts` is where each begins among the points."""
    if not len(starts):
        return Curve(numbers, curve.readings)
    finite = np.isfinite(curve.readings)
    sums = np.add.reduceat(np.where(finite, curve.readings, 0.0), starts)
    counts = np.add.reduceat(finite, starts, dtype=np.int64)
    means = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return Curve(numbers, means)


def _round_up(size: int) -> int:
    """Return the next of 1, 2, 5, 10, 20, 50 ...: such windows are easy to read."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power >= size:
                return factor * power
        power *= 10


def _layouts(curves: Sequence[Curve]) -> dict[int, list[int]]:
    """Return the rows of the curves that share an array of steps, by its identity."""
    rows: dict[int, list[int]] = {}
    for row, curve in enumerate(curves):
        rows.setdefault(id(curve.steps), []).append(row)
    return rows


def _union(curves: Sequence[Curve]) -> Integers:
    if not curves:
        return np.empty(0, dtype=np.int64)
    return np.unique(np.concatenate([curves[rows[0]].steps for rows in _layouts(curves).values()]))


def _matrix(curves: Sequence[Curve]) -> CurveMatrix:
    steps = _union(curves)
    readings = np.full((len(curves), len(steps)), np.nan)
    for rows in _layouts(curves).values():
        columns = np.searchsorted(steps, curves[rows[0]].steps)
        block = np.stack([curves[row].readings for row in rows])
        if len(columns) == len(steps):
            readings[rows] = block
        else:
            readings[np.ix_(np.array(rows), columns)] = block
    return CurveMatrix(steps.astype(np.float64), readings)
