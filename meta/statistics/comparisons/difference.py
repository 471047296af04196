"""The difference of two methods, with its bootstrap interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from meta.statistics.estimators.arrays import Floats, pairs, sample, unit_of
from meta.statistics.estimators.location import MEAN, Estimator
from meta.statistics.intervals.resampling import Resampling
from meta.statistics.intervals.stratified import estimate_of, stratified_interval

#: In units of the largest reading: a width up to this is rounding error.
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Difference:
    """The first method's estimate less the second's.

    Attributes
    ----------
    estimate, low, high : float
        Ends are NaN where neither method has two readings.
    first, second : float
        The estimates themselves, over the readings that were used.
    sizes : tuple of int
        How many readings of each were used.
    resampling : Resampling
    """

    estimate: float
    low: float
    high: float
    first: float
    second: float
    sizes: tuple[int, int]
    resampling: Resampling


def difference(
    first: ArrayLike,
    second: ArrayLike,
    resampling: Resampling,
    estimator: Estimator = MEAN,
    *,
    paired: bool,
) -> Difference:
    """Return the difference of two estimates and its bootstrap interval.

    Parameters
    ----------
    first, second : array_like, shape (repetitions,)
        Readings that are not finite are left out; of pairs, together with their partner.
    resampling : Resampling
    estimator : Estimator
    paired : bool
        The same index is the same repetition: pairs are resampled, so that variation which both share
        cancels. Else the repetitions of each method are resampled independently.

    Raises
    ------
    ValueError
        A method has no reading.
    """
    one, other = pairs(first, second) if paired else (sample(first), sample(second))
    sizes = (len(one), len(other))
    if not all(sizes):
        raise ValueError(f"a difference needs readings of both methods; there are {sizes[0]} and {sizes[1]}")
    unit = unit_of(one, other)
    of_first, of_second = (estimate_of(estimator, readings / unit) for readings in (one, other))

    def statistic(counts: Floats) -> Floats:
        drawn = counts if paired else counts[:, : len(one)]
        return of_first(drawn) - of_second(counts if paired else counts[:, len(one) :])

    ends = stratified_interval(statistic, (len(one),) if paired else sizes, resampling)
    estimate, low, high = (unit * float(values[0]) for values in (ends.estimate, ends.low, ends.high))
    # If all pairs differ by the same, the remaining width is rounding error.
    if high - low <= _ROUNDING * max(np.abs(one).max(), np.abs(other).max()):
        low = high = estimate
    return Difference(
        estimate,
        low,
        high,
        unit * float(of_first(np.ones((1, len(one))))[0, 0]),
        unit * float(of_second(np.ones((1, len(other))))[0, 0]),
        sizes=sizes,
        resampling=resampling,
    )
