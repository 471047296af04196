"""The mean curve over several tasks, with its bootstrap interval at each step.

As described in `meta.statistics.intervals.aggregate`, repetitions are resampled with all their tasks where
these share their seeds, else those of each task by themselves. Every step sees the same resamples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from meta.statistics.estimators.arrays import Booleans, Floats, Integers
from meta.statistics.intervals.resampling import Resampling
from meta.statistics.intervals.stratified import Ends, Statistic, stratified_interval


def aggregate_curves(
    matrices: Sequence[Floats], resampling: Resampling | None, *, repetitions: Sequence[Integers] | None
) -> Ends:
    """Return the mean at each step over the means of several tasks.

    Parameters
    ----------
    matrices : sequence of ndarray, shape (repetitions, steps)
        One per task, on the same steps; NaN where a repetition has no reading. Where a task has none, there
        is no estimate, and in a drawing without one the step has none.
    resampling : Resampling, optional
        Without, there is no interval.
    repetitions : sequence of ndarray of int, optional
        Which repetitions the rows of each matrix are, where one repetition has the same seed in all tasks: it
        is drawn with all its curves. Without, the repetitions of each task are drawn by themselves.

    Returns
    -------
    Ends
        Ends are NaN at the steps at which a task has a single reading.
    """
    if repetitions is None:
        sizes = tuple(map(len, matrices))
        rows = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    else:
        known = np.unique(np.concatenate(repetitions))
        sizes = (len(known),)
        rows = [np.searchsorted(known, numbers) for numbers in repetitions]
    present = [np.isfinite(matrix) for matrix in matrices]
    mean = _mean(matrices, present, rows)
    fewest = np.min([finite.sum(axis=0) for finite in present], axis=0)
    if resampling is None or fewest.max(initial=0) < 2:
        estimate = mean(np.ones((1, sum(sizes))))[0]
        nothing = np.full_like(estimate, np.nan)
        return Ends(estimate, nothing, nothing)
    ends = stratified_interval(mean, sizes, resampling)
    low, high = (np.where(fewest < 2, np.nan, end) for end in (ends.low, ends.high))
    return Ends(ends.estimate, low, high)


def _mean(matrices: Sequence[Floats], present: Sequence[Booleans], rows: Sequence[Integers]) -> Statistic:
    kept = [np.where(finite, matrix, 0.0) for finite, matrix in zip(present, matrices, strict=True)]
    # A product of numbers is much faster than one with booleans.
    weights = [finite.astype(np.float64) for finite in present]

    def mean(counts: Floats) -> Floats:
        total = np.zeros((len(counts), matrices[0].shape[1]))
        for places, finite, readings in zip(rows, weights, kept, strict=True):
            drawn = counts[:, places]
            weight = drawn @ finite
            total += np.divide(drawn @ readings, weight, out=np.full_like(total, np.nan), where=weight > 0)
        return total / len(matrices)

    return mean
