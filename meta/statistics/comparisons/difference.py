"""The difference of two methods, with its interval.

Of means it is Student's interval of the pairs' differences, or Welch's of independent repetitions; over
several strata that of the weighted sum (meta/statistics/intervals/student.py). Of other estimators it is t
times the standard error by the drawings, in which pairs are drawn, or the repetitions of each method by
themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from meta.statistics.estimators.arrays import Floats, pairs, sample, unit_of
from meta.statistics.estimators.location import MEAN, Estimator
from meta.statistics.intervals.aggregate import QUANTILES, Way, ends_of, with_error
from meta.statistics.intervals.resampling import Resampling
from meta.statistics.intervals.rule import Method
from meta.statistics.intervals.stratified import (
    Statistic,
    estimate_of,
    standard_error_of,
    stratified_interval,
)
from meta.statistics.intervals.student import Mean, Part, combined

#: In units of the largest reading: a width up to this is rounding error.
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Stratum:
    """Readings of two methods that are independent of those of other strata.

    Attributes
    ----------
    first, second : ndarray, shape (repetitions,)
        Finite; of pairs, the same place is the same repetition.
    weight : float
        Of their difference, in the sum over all strata.
    ratio : float
        Test/train where repetitions are resampled splits of one data set; else 0.
    """

    first: Floats
    second: Floats
    weight: float = 1.0
    ratio: float = 0.0

    @classmethod
    def of(cls, first: ArrayLike, second: ArrayLike, *, paired: bool, ratio: float = 0.0) -> Stratum:
        """Return the readings of two methods; those that are not finite are left out, of pairs both.

        Parameters
        ----------
        first, second : array_like, shape (repetitions,)
        paired : bool
        ratio : float
        """
        known = pairs(first, second) if paired else (sample(first), sample(second))
        return cls(*known, ratio=ratio)


@dataclass(frozen=True)
class Difference:
    """The first method's estimate less the second's.

    Attributes
    ----------
    estimate, low, high : float
        Ends are NaN where there is no interval.
    first, second : float
        The estimates themselves, over the readings that were used.
    sizes : tuple of int
        How many readings of each were used, in the stratum that has the fewest.
    resampling : Resampling
    method : Method
        How the interval was made.
    degrees : float
        Its degrees of freedom; NaN where nothing varied.
    """

    estimate: float
    low: float
    high: float
    first: float
    second: float
    sizes: tuple[int, int]
    resampling: Resampling
    method: Method
    degrees: float


def difference(  # noqa: PLR0913 - the readings, and what the interval takes into account
    first: ArrayLike,
    second: ArrayLike,
    resampling: Resampling,
    estimator: Estimator = MEAN,
    *,
    paired: bool,
    ratio: float = 0.0,
    interval: Way = "rule",
) -> Difference:
    """Return the difference of two estimates and its interval.

    Parameters
    ----------
    first, second : array_like, shape (repetitions,)
        Readings that are not finite are left out; of pairs, together with their partner.
    resampling : Resampling
        The level; seed and number of drawings where there are any.
    estimator : Estimator
    paired : bool
        The same index is the same repetition: variation that both share cancels. Else the repetitions of each
        method are independent.
    ratio : float
        Test/train where repetitions are resampled splits of one data set, of pairs only.
    interval : {"rule", "percentile", "bca"}
        Student's t as described above, from three repetitions on; or one of the drawings.

    Raises
    ------
    ValueError
        A method has no reading, or resampled splits are not paired.
    """
    readings = Stratum.of(first, second, paired=paired, ratio=ratio)
    return difference_over([readings], resampling, estimator, paired=paired, interval=interval)


def difference_over(
    strata: Sequence[Stratum],
    resampling: Resampling,
    estimator: Estimator = MEAN,
    *,
    paired: bool,
    interval: Way = "rule",
) -> Difference:
    """Return the weighted sum of the differences of several strata, and its interval.

    Parameters
    ----------
    strata : sequence of Stratum
        At least one.
    resampling, estimator, paired, interval
        As of `difference`.

    Raises
    ------
    ValueError
        A method has no reading of a stratum, or resampled splits are not paired.
    """
    refuse_unpaired_splits(strata, paired=paired)
    sizes = (min(len(part.first) for part in strata), min(len(part.second) for part in strata))
    if not all(sizes):
        raise ValueError(f"a difference needs readings of both methods; there are {sizes[0]} and {sizes[1]}")
    unit = unit_of(*(readings for part in strata for readings in (part.first, part.second)))
    strata = [replace(part, first=part.first / unit, second=part.second / unit) for part in strata]
    magnitude = max(float(np.abs([*part.first, *part.second]).max()) for part in strata)
    first = sum(part.weight * float(estimator.of(part.first[:, None])[0]) for part in strata)
    second = sum(part.weight * float(estimator.of(part.second[:, None])[0]) for part in strata)
    mean = mean_difference(strata, paired=paired)
    statistic, units = _statistic(strata, estimator, paired=paired)
    if not estimator.is_linear:
        mean = replace(mean, estimate=statistic(np.ones((1, sum(units))))[0])
    estimate, low, high, method = float(mean.estimate[0]), np.nan, np.nan, Method.NONE
    if interval == "rule":
        if not estimator.is_linear:
            error = standard_error_of(statistic, units, resampling)
            largest = max(part.ratio for part in strata)
            mean = with_error(mean, error, magnitude=magnitude, ratio=largest)
        low, high, method = ends_of(mean, resampling.level)
        if method == Method.T and not estimator.is_linear:
            method = Method.BOOTSTRAP_T
    elif max(units) > 1:
        ends = stratified_interval(statistic, units, replace(resampling, method=interval))
        low, high, method = float(ends.low[0]), float(ends.high[0]), QUANTILES[interval]
        # If all pairs differ by the same, the remaining width is rounding error.
        if high - low <= _ROUNDING * magnitude:
            low = high = estimate
    return Difference(
        unit * estimate,
        unit * low,
        unit * high,
        unit * first,
        unit * second,
        sizes=sizes,
        resampling=resampling,
        method=method,
        degrees=float(mean.degrees[0]),
    )


def refuse_unpaired_splits(strata: Sequence[Stratum], *, paired: bool) -> None:
    """Refuse resampled splits that are to be compared as if they were independent.

    Raises
    ------
    ValueError
        There are such splits.
    """
    if not paired and any(part.ratio > 0 for part in strata):
        raise ValueError("resampled splits are compared in pairs: both methods on the same splits")


def mean_difference(strata: Sequence[Stratum], *, paired: bool) -> Mean:
    """Return the weighted sum of the differences of means, with its standard error, in one column.

    Parameters
    ----------
    strata : sequence of Stratum
    paired : bool
    """
    parts = []
    for part in strata:
        magnitude = max(float(np.abs(readings).max(initial=0.0)) for readings in (part.first, part.second))
        if paired:
            apart = (part.first - part.second)[:, None]
            parts.append(Part(apart, part.weight, part.ratio, magnitude))
        else:
            for readings, sign in ((part.first, 1), (part.second, -1)):
                parts.append(Part(readings[:, None], sign * part.weight, part.ratio, magnitude))
    return combined(parts)


def _statistic(
    strata: Sequence[Stratum], estimator: Estimator, *, paired: bool
) -> tuple[Statistic, tuple[int, ...]]:
    """Return the statistic of how often each repetition was drawn, and how many of each are drawn."""
    estimates = [
        (part.weight, estimate_of(estimator, part.first), estimate_of(estimator, part.second))
        for part in strata
    ]
    units: tuple[int, ...] = ()
    for part in strata:
        units += (len(part.first),) if paired else (len(part.first), len(part.second))
    starts = np.cumsum((0, *units))

    def statistic(counts: Floats) -> Floats:
        drawn = np.split(counts, starts[1:-1], axis=1)
        total = np.zeros((len(counts), 1))
        for place, (weight, of_first, of_second) in enumerate(estimates):
            one, other = (drawn[place],) * 2 if paired else drawn[2 * place : 2 * place + 2]
            total += weight * (of_first(one) - of_second(other))
        return total

    return statistic, units
