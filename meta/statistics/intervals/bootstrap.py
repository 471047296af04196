"""Bootstrap intervals of an estimator over repetitions, for many columns at once.

The percentile bootstrap of Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13:
repetitions are drawn with replacement, the estimate is taken of each drawing, and the interval lies
between two quantiles of these estimates; or corrected quantiles (bca.py). A drawing is a row of weights, so
all estimates of all columns are one matrix product ``weights @ readings``.

Of the mean, repetitions are resampled: every column (step) sees the same weights, as the points of a curve
belong together. The other estimators weigh readings by rank. What is drawn then is ranks, the same for all
columns: for each column by itself this is the same distribution, because every repetition is as likely
as every other, and the weights of the ranks need to be found once and not for each column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from meta.statistics.estimators.arrays import Floats, Integers, matrix
from meta.statistics.estimators.location import MEAN, Estimator
from meta.statistics.intervals import bca
from meta.statistics.intervals.resampling import Drawings, Resampling, quantiles

#: Resampled estimates held at once: 8 bytes each, and partitioning them takes a copy.
_ESTIMATES_PER_BLOCK = 10_000_000
#: Deviations beyond this are divided by the largest of them, so that no sum overflows.
_LARGE = 1e250
#: Differences up to this, in units of the usual change of a drawing, are rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Interval:
    """Estimates over repetitions with their intervals, per column.

    Attributes
    ----------
    estimate : ndarray, shape (columns,)
        NaN where no repetition has a reading.
    low, high : ndarray, shape (columns,)
        The ends of the interval; NaN where fewer than two repetitions have a reading.
    count : ndarray of int, shape (columns,)
        How many repetitions have a reading.
    """

    estimate: Floats
    low: Floats
    high: Floats
    count: Integers


def bootstrap_interval(readings: ArrayLike, resampling: Resampling, estimator: Estimator = MEAN) -> Interval:
    """Return the estimate over repetitions and its bootstrap interval, per column.

    Parameters
    ----------
    readings : array_like, shape (repetitions, columns)
        Columns are the steps of a curve, or configurations; they are resampled together. A reading
        that is not finite is missing: it is left out of its column only, and in a drawing that
        column's estimate is over the drawn repetitions that have a reading.
    resampling : Resampling
        Seed, level, number of drawings and method.
    estimator : Estimator

    Raises
    ------
    ValueError
        The readings do not have two dimensions.
    """
    known = matrix(readings)
    count = np.isfinite(known).sum(axis=0, dtype=np.int64)
    estimate = estimator.of(known)
    low, high = np.full((2, *estimate.shape), np.nan)
    for columns in _blocks(count, len(known), resampling, estimator):
        readings = known[:, columns]
        ends = estimate[columns] + _ends(readings - estimate[columns], resampling, estimator)
        # Rounding must not carry an end beyond the readings: a rate has no interval up to 1.00000001.
        low[columns], high[columns] = np.clip(ends, np.nanmin(readings, axis=0), np.nanmax(readings, axis=0))
    return Interval(estimate, low, high, count)


def _blocks(
    count: Integers, repetitions: int, resampling: Resampling, estimator: Estimator
) -> Iterator[Integers]:
    """Yield the columns that share their weights, no more of them at once than memory should hold."""
    # Resampled repetitions have the same weights whatever is missing; those of ranks depend on how many
    # readings there are.
    alike = (count == repetitions) if estimator.is_linear else count
    width = max(1, _ESTIMATES_PER_BLOCK // resampling.resamples)
    for value in np.unique(alike[count > 1]):
        chosen = np.flatnonzero((count > 1) & (alike == value))
        yield from np.split(chosen, range(width, len(chosen), width))


def _ends(deviations: Floats, resampling: Resampling, estimator: Estimator) -> Floats:
    """Return the ends of the interval less the estimate, shape (2, columns)."""
    largest = np.nanmax(np.abs(deviations), axis=0)
    scale = np.where(largest > _LARGE, largest, 1.0)
    scaled = deviations / scale
    if not estimator.is_linear:
        scaled.sort(axis=0)  # NaN comes last
    drawn = _drawn(scaled, resampling, estimator)
    tails = resampling.tails_of(np.isfinite(deviations).sum(axis=0, dtype=np.int64))
    if resampling.method == "bca":
        below = bca.share_below(drawn, _ROUNDING * np.nanmedian(np.abs(drawn), axis=1))
        left_out = bca.left_out_estimates(estimator, np.sort(scaled, axis=0))
        tails = bca.corrected_tails(resampling.tails, below, bca.acceleration_of([left_out]))
    elif (tails == tails[:, :1]).all():
        tails = tails[:, 0]
    ends = quantiles(drawn, tails)
    return scale * ends


def _drawn(scaled: Floats, resampling: Resampling, estimator: Estimator) -> Floats:
    """Return the estimate of each drawing, shape (columns, drawings); NaN where it drew no reading."""
    present = np.isfinite(scaled)
    everywhere = present.all()
    readings = np.where(present, scaled, 0.0).T
    here = present.astype(np.float64).T
    some = int(present.sum(axis=0).max())
    drawn = np.empty((len(readings), resampling.resamples))
    for rows, counts in Drawings(resampling, (len(scaled),)).counts():
        if estimator.is_linear:
            sums = readings @ counts.T
            total: float | Floats = float(len(scaled)) if everywhere else here @ counts.T
        else:
            weights, divisor = estimator.weights(counts[:, :some])
            sums = readings[:, :some] @ weights.T
            total = divisor.T
        # A drawing that took no repetition with a reading has no estimate, and does not count.
        drawn[:, rows] = np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)
    return drawn
