"""Curves before anything is computed of them: smoothed, and put on a grid of times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from meta.statistics.estimators.arrays import Floats
from meta.statistics.estimators.curves import Curve, CurveMatrix

#: So many times are drawn: a panel is not many more pixels wide.
TIMES = 400


def smoothed(curve: Curve, width: int) -> Curve:
    """Return the running mean over `width` logged points, centred.

    At the ends it is over those that are there; a reading that is not finite is left out of each mean, and
    where it stands there is no point.
    """
    finite = np.isfinite(curve.readings)
    # Sums of differences from a typical reading lose fewer digits.
    middle = float(np.median(curve.readings[finite])) if finite.any() else 0.0
    sums = np.concatenate(([0.0], np.cumsum(np.where(finite, curve.readings - middle, 0.0))))
    counts = np.concatenate(([0], np.cumsum(finite)))
    places = np.arange(len(finite))
    low = np.maximum(places - (width - 1) // 2, 0)
    high = np.minimum(places + width // 2 + 1, len(finite))
    total, many = sums[high] - sums[low], counts[high] - counts[low]
    means = np.divide(total, many, out=np.full(len(finite), np.nan), where=finite & (many > 0)) + middle
    return Curve(curve.steps, means)


def over_time(curves: Sequence[Curve], seconds: Sequence[Floats], grid: Floats) -> CurveMatrix:
    """Return the curves over time: at each time the reading that was logged last.

    Parameters
    ----------
    curves : sequence of Curve
    seconds : sequence of ndarray
        The time of each point of each curve; a step that was logged again has the later one.
    grid : ndarray, shape (times,)

    Returns
    -------
    CurveMatrix
        NaN before a curve's first point, and after its last.
    """
    readings = np.full((len(curves), len(grid)), np.nan)
    for row, (curve, times) in enumerate(zip(curves, seconds, strict=True)):
        if len(times):
            in_order = np.argsort(times, kind="stable")
            places = np.searchsorted(times, grid, side="right", sorter=in_order) - 1
            is_within = (places >= 0) & (grid <= times[in_order[-1]])
            readings[row, is_within] = curve.readings[in_order[places[is_within]]]
    return CurveMatrix(grid, readings)
