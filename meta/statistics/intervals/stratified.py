"""Bootstrap intervals and standard errors of a statistic of what was drawn.

What is drawn is readings of strata, or repetitions of all of them. A stratum is a task, or one of two samples
that are compared: in every drawing it keeps its number of repetitions (R. Agarwal and others, Deep
reinforcement learning at the edge of the statistical precipice, NeurIPS 2021, section 4). Where repetitions
of several tasks belong together they are one stratum. A statistic is given how often each reading, or
repetition, was drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from meta.statistics.estimators.arrays import Booleans, Floats
from meta.statistics.estimators.location import Estimator
from meta.statistics.intervals import bca
from meta.statistics.intervals.resampling import Drawings, Resampling, quantiles

#: From counts, shape (drawings, readings of all strata side by side), to values, shape (drawings, columns);
#: NaN for a drawing that has none.
Statistic = Callable[[Floats], Floats]

#: Left out at once, in readings times readings.
_LEFT_OUT_PER_BLOCK = 4_000_000
#: n repetitions have C(2n - 1, n) different drawings: where each is drawn so often, one of each is computed.
_DRAWN_OFTEN = 4


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
    drawn = _drawn(statistic, sizes, resampling)
    tails = resampling.tails
    if resampling.method == "bca":
        change = drawn - estimate[:, None]
        largest = np.where(np.isnan(change), 0.0, np.abs(change)).max(axis=1)
        below = bca.share_below(change, 1e-9 * largest)
        acceleration = bca.acceleration_of(_left_out(statistic, sizes))
        tails = bca.corrected_tails(tails, below, acceleration)
    low, high = quantiles(drawn, tails)
    return Ends(estimate, low, high)


def standard_error_of(statistic: Statistic, sizes: tuple[int, ...], resampling: Resampling) -> Floats:
    """Return the standard deviation of the drawings' values; drawings without a value do not count.

    Parameters
    ----------
    statistic, sizes, resampling
        As of `stratified_interval`.

    Returns
    -------
    ndarray, shape (columns,)
        NaN where fewer than two drawings have a value.
    """
    drawn = _drawn(statistic, sizes, resampling)
    present = np.isfinite(drawn)
    count = present.sum(axis=1)
    # In units of the largest value no sum overflows, in those of the largest deviation no square.
    size = _largest(drawn, present)
    units = np.where(present, drawn, 0.0) / size
    mean = units.sum(axis=1, keepdims=True) / np.maximum(count, 1)[:, None]
    deviations = np.where(present, units - mean, 0.0)
    reach = _largest(deviations, present)
    squares = ((deviations / reach) ** 2).sum(axis=1)
    errors: Floats = size[:, 0] * reach[:, 0] * np.sqrt(squares / np.maximum(count - 1, 1))
    errors[count < 2] = np.nan
    return errors


def _largest(values: Floats, present: Booleans) -> Floats:
    """Return the largest size of the values of each row, 1 where all are 0, shape (rows, 1)."""
    largest: Floats = np.abs(values).max(axis=1, initial=0.0, where=present, keepdims=True)
    largest[largest == 0] = 1.0
    return largest


def _drawn(statistic: Statistic, sizes: tuple[int, ...], resampling: Resampling) -> Floats:
    """Return the value of each drawing, shape (columns, drawings)."""
    drawings = Drawings(resampling, sizes)
    total = sum(sizes)
    if len(sizes) > 1 or _DRAWN_OFTEN * math.comb(2 * total - 1, total) > resampling.resamples:
        return np.vstack([statistic(counts) for _, counts in drawings.counts()]).T
    counts = np.vstack([counts for _, counts in drawings.counts()])
    # The digits of a number, which tells drawings apart sooner than their rows do.
    numbers = counts @ (total + 1.0) ** np.arange(total)
    _, first, which = np.unique(numbers, return_index=True, return_inverse=True)
    return statistic(counts[first]).T[:, which]


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
