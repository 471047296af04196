"""Bootstrap intervals of a statistic of what was drawn: readings of strata, or repetitions of all of them.

A stratum is a task, or one of two samples that are compared: in every drawing it keeps its number of
repetitions (R. Agarwal and others, Deep reinforcement learning at the edge of the statistical precipice,
NeurIPS 2021, section 4). Where repetitions of several tasks belong together there is one stratum, that of
the repetitions. A statistic is given how often each reading, or repetition, was drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from meta.statistics.estimators.arrays import Floats
from meta.statistics.estimators.location import Estimator
from meta.statistics.intervals import bca
from meta.statistics.intervals.resampling import Drawings, Resampling, quantiles

#: From counts, shape (drawings, readings of all strata side by side), to values, shape (drawings, columns);
#: NaN for a drawing that has none.
Statistic = Callable[[Floats], Floats]

#: Left out at once, in readings times readings.
_LEFT_OUT_PER_BLOCK = 4_000_000


@dataclass(frozen=True)
class Ends:
    """A statistic with its interval, per column.

    Attributes
    ----------
    estimate : ndarray, shape (columns,)
    low, high : ndarray, shape (columns,)
        NaN where no stratum has two repetitions, or no drawing has a value.
    """

    estimate: Floats
    low: Floats
    high: Floats


def stratified_interval(statistic: Statistic, sizes: tuple[int, ...], resampling: Resampling) -> Ends:
    """Return a statistic and its bootstrap interval; drawings without a value do not count.

    Parameters
    ----------
    statistic : callable
        From counts of shape (drawings, readings) to values of shape (drawings, columns).
    sizes : tuple of int
        How many readings each stratum has, at least one each.
    resampling : Resampling
    """
    estimate = statistic(np.ones((1, sum(sizes))))[0]
    if max(sizes) < 2:
        nothing = np.full_like(estimate, np.nan)
        return Ends(estimate, nothing, nothing.copy())
    drawn = np.vstack([statistic(counts) for _, counts in Drawings(resampling, sizes).counts()]).T
    tails = resampling.tails
    if resampling.method == "bca":
        change = drawn - estimate[:, None]
        largest = np.where(np.isnan(change), 0.0, np.abs(change)).max(axis=1)
        below = bca.share_below(change, 1e-9 * largest)
        acceleration = bca.acceleration_of(_left_out(statistic, sizes))
        tails = bca.corrected_tails(tails, below, acceleration)
    low, high = quantiles(drawn, tails)
    return Ends(estimate, low, high)


def _left_out(statistic: Statistic, sizes: tuple[int, ...]) -> list[Floats]:
    """Return, per stratum with several repetitions, the statistic without one after the other of them."""
    total, first, estimates = sum(sizes), 0, []
    for size in sizes:
        if size > 1:
            rows = max(1, _LEFT_OUT_PER_BLOCK // total)
            parts = []
            for start in range(0, size, rows):
                places = np.arange(start, min(start + rows, size))
                counts = np.ones((len(places), total))
                counts[np.arange(len(places)), first + places] = 0
                parts.append(statistic(counts))
            estimates.append(np.vstack(parts))
        first += size
    return estimates


def estimate_of(estimator: Estimator, readings: Floats) -> Statistic:
    """Return the statistic that estimates from all strata together, shape (drawings, 1)."""
    order = np.argsort(readings, kind="stable")
    # In units of the largest reading no sum overflows.
    scale = max(float(np.abs(readings).max()), np.finfo(np.float64).tiny)
    ascending = readings[order] / scale

    def statistic(counts: Floats) -> Floats:
        weights, divisor = estimator.weights(counts[:, order])
        estimates: Floats = scale * ((weights @ ascending)[:, None] / divisor)
        return estimates

    return statistic
