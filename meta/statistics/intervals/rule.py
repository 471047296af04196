"""Which interval an estimate has when none is named: one that holds the true value as often as it says.

It depends on the estimator, on what the result is known to be, and on the number of readings, never on the
readings themselves: it would change between neighbouring cells of a table. docs/statistics.md has the
coverage of each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta.statistics.estimators.arrays import Floats, Integers, matrix
from meta.statistics.estimators.location import MEAN, Estimator, Quantile, TrimmedMean
from meta.statistics.intervals.bootstrap import bootstrap_interval
from meta.statistics.intervals.exact import order_ranks, quantile_interval, rate_interval
from meta.statistics.intervals.resampling import Resampling
from meta.statistics.intervals.student import FEWEST, Bounds, Mean, Part, combined, student_ends


class Method(StrEnum):
    """How an interval was made, as in ``data.csv``."""

    NONE = ""
    #: All readings are equal: there is no interval, however many they are.
    NOTHING_VARIED = "nothing varied"
    T = "t"
    T_LOG = "t (log)"
    T_LOGIT = "t (logit)"
    CLOPPER_PEARSON = "Clopper-Pearson"
    ORDER_STATISTICS = "order statistics"
    #: The range of the readings, where no order statistics hold the quantile quite as often as the level.
    RANGE = "range"
    EXPANDED = "expanded percentile"
    PERCENTILE = "percentile"
    BCA = "BCa"
    BOOTSTRAP_T = "t of the bootstrap standard error"
    SD = "sd"
    SE = "se"
    QUANTILES = "quantiles"


#: The methods of points, shape (points,): their texts.
Methods = NDArray[np.str_]
_NAMES = f"U{max(map(len, Method))}"


@dataclass(frozen=True)
class Intervals:
    """Estimates with their intervals, per column.

    Attributes
    ----------
    estimate : ndarray, shape (columns,)
        NaN where no repetition has a reading.
    low, high : ndarray, shape (columns,)
        NaN where there is no interval.
    count : ndarray of int, shape (columns,)
        How many repetitions have a reading.
    method : ndarray of str, shape (columns,)
        How each was made; see `Method`.
    """

    estimate: Floats
    low: Floats
    high: Floats
    count: Integers
    method: Methods


@dataclass(frozen=True)
class Known:
    """What is known of a result beside its readings.

    Attributes
    ----------
    is_rate : bool
        Readings are 0 and 1, of which a mean is a rate of successes.
    bounds : tuple of float or None, optional
        The smallest and the largest reading that there can be.
    ratio : float or ndarray, shape (columns,)
        Of the sizes of test and training set, where repetitions are resampled splits of one data set; else 0.
    """

    is_rate: bool = False
    bounds: Bounds | None = None
    ratio: float | Floats = 0.0


#: Nothing: readings are numbers.
NOTHING_KNOWN = Known()


def confidence_interval(
    readings: ArrayLike, resampling: Resampling, estimator: Estimator = MEAN, known: Known = NOTHING_KNOWN
) -> Intervals:
    """Return an estimate per column with the interval that suits it.

    Parameters
    ----------
    readings : array_like, shape (repetitions, columns)
        A reading that is not finite is missing.
    resampling : Resampling
        The level; seed and number of drawings where there are any.
    estimator : Estimator
    known : Known
    """
    present = matrix(readings)
    count = np.isfinite(present).sum(axis=0, dtype=np.int64)
    if isinstance(estimator, Quantile):
        return _of_quantile(present, estimator, resampling.level)
    as_mean = np.array([is_mean(estimator, size) for size in count.tolist()], dtype=bool)
    if as_mean.all():
        return _of_mean(present, resampling, estimator, known)
    estimate, low, high = np.full((3, *count.shape), np.nan)
    method = no_methods(len(count))
    for columns, part in ((as_mean, _of_mean), (~as_mean, _of_trimmed)):
        if columns.any():
            ratio = known.ratio if isinstance(known.ratio, float) else known.ratio[columns]
            found = part(present[:, columns], resampling, estimator, replace(known, ratio=ratio))
            estimate[columns], low[columns], high[columns] = found.estimate, found.low, found.high
            method[columns] = found.method
    return Intervals(estimate, low, high, count, method)


def is_mean(estimator: Estimator, count: int) -> bool:
    """Say whether an estimator cuts nothing off so many readings, and is their mean."""
    return isinstance(estimator, TrimmedMean) and int(estimator.cut * count) == 0


def student_interval(readings: ArrayLike, level: float, known: Known = NOTHING_KNOWN) -> Intervals:
    """Return the mean of each column with Student's t interval, on a link where its bounds are known.

    Parameters
    ----------
    readings : array_like, shape (repetitions, columns)
    level : float
    known : Known
        Its bounds and ratio.
    """
    return _student(matrix(readings), level, known)


def _student(readings: Floats, level: float, known: Known) -> Intervals:
    mean = combined([Part(readings, ratio=known.ratio)])
    low, high = student_ends(mean, level, known.bounds)
    return Intervals(mean.estimate, low, high, mean.count, t_methods(mean, known.bounds))


def t_methods(mean: Mean, bounds: Bounds | None) -> Methods:
    """Return the names of Student's intervals on the link that bounds ask for, shape (columns,)."""
    ends = sum(end is not None for end in bounds or ())
    enough = mean.count >= FEWEST
    method = no_methods(len(enough))
    method[enough & (mean.standard_error > 0)] = (Method.T, Method.T_LOG, Method.T_LOGIT)[ends]
    method[enough & mean.nothing_varied] = Method.NOTHING_VARIED
    return method


def no_methods(count: int) -> Methods:
    """Return the methods of so many points without an interval."""
    return np.full(count, Method.NONE, dtype=_NAMES)


def exact_rate(readings: ArrayLike, level: float) -> Intervals:
    """Return the rate of ones of each column with Clopper and Pearson's interval; none of fewer than three.

    Parameters
    ----------
    readings : array_like, shape (repetitions, columns)
        0, 1, or not finite.
    level : float
    """
    present = matrix(readings)
    finite = np.isfinite(present)
    count = finite.sum(axis=0, dtype=np.int64)
    hits = np.where(finite, present, 0.0).sum(axis=0).astype(np.int64)
    rate = rate_interval(hits, count, level=level)
    enough = count >= FEWEST
    low, high = (np.where(enough, end, np.nan) for end in (rate.low, rate.high))
    return Intervals(rate.rate, low, high, count, np.where(enough, Method.CLOPPER_PEARSON, Method.NONE))


def _of_mean(readings: Floats, resampling: Resampling, _estimator: Estimator, known: Known) -> Intervals:
    if known.is_rate:
        return exact_rate(readings, resampling.level)
    return _student(readings, resampling.level, known)


def _of_trimmed(readings: Floats, resampling: Resampling, estimator: Estimator, _known: Known) -> Intervals:
    drawn = bootstrap_interval(readings, replace(resampling, method="expanded"), estimator)
    # Of two readings that are left nothing tells how far others lie from them.
    left = estimator.divisor(drawn.count.astype(np.float64))
    enough = (drawn.count >= FEWEST) & (left >= FEWEST)
    equal = _are_equal(readings)
    low, high = (np.where(enough & ~equal, end, np.nan) for end in (drawn.low, drawn.high))
    method = np.where(enough, np.where(equal, Method.NOTHING_VARIED, Method.EXPANDED), Method.NONE)
    return Intervals(drawn.estimate, low, high, drawn.count, method)


def _of_quantile(readings: Floats, quantile: Quantile, level: float) -> Intervals:
    found = quantile_interval(readings, quantile, level=level)
    enough, equal = np.isfinite(found.low) & (found.count >= FEWEST), _are_equal(readings)
    low, high = (np.where(enough & ~equal, end, np.nan) for end in (found.low, found.high))
    method = no_methods(len(equal))
    for size in np.unique(found.count[enough]).tolist():
        ranks = order_ranks(size, quantile.share, level)
        is_range = ranks is not None and ranks.coverage < level
        method[found.count == size] = Method.RANGE if is_range else Method.ORDER_STATISTICS
    method[equal & (found.count >= FEWEST)] = Method.NOTHING_VARIED
    return Intervals(found.estimate, low, high, found.count, method)


def _are_equal(readings: Floats) -> NDArray[np.bool_]:
    """Say of each column whether all of its readings are equal; none of one without readings."""
    if not len(readings):
        return np.zeros(readings.shape[1], dtype=bool)
    first, last = np.fmin.reduce(readings, axis=0), np.fmax.reduce(readings, axis=0)  # NaN does not count
    return np.asarray(first == last)
