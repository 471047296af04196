"""Exact intervals: of medians and other quantiles, and of rates of successes.

How many of n readings lie below the true quantile is binomial, whatever the distribution; so the interval
between two order statistics holds it with a known probability (H. A. David and H. N. Nagaraja, Order
Statistics, 3rd edition, 2003, section 7.1). Of few readings it is their range, as long as that holds the
quantile nearly as often as the level says. Rates: C. J. Clopper and E. S. Pearson, The use of confidence or
fiducial limits illustrated in the case of the binomial, Biometrika 26 (1934), 404-413.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from meta.statistics.estimators.arrays import Floats, Integers, matrix
from meta.statistics.estimators.location import MEDIAN, Quantile
from meta.statistics.intervals.resampling import DEFAULT_LEVEL

#: The range of the readings may hold a quantile so much less often than the level says.
_RANGE_LESS = 0.02


@dataclass(frozen=True)
class OrderInterval:
    """Quantiles with their exact intervals, per column.

    Attributes
    ----------
    estimate : ndarray, shape (columns,)
        NaN where no repetition has a reading.
    low, high : ndarray, shape (columns,)
        Readings; NaN where there are too few for the level (`minimum_count`).
    coverage : ndarray, shape (columns,)
        With which probability such an interval holds the true quantile: at least the level, or 0.02 less
        where it is the range.
    count : ndarray of int, shape (columns,)
        How many repetitions have a reading.
    """

    estimate: Floats
    low: Floats
    high: Floats
    coverage: Floats
    count: Integers


def quantile_interval(
    readings: ArrayLike, quantile: Quantile = MEDIAN, *, level: float = DEFAULT_LEVEL
) -> OrderInterval:
    """Return a quantile of each column and its exact interval: with equal tails, or the range.

    Parameters
    ----------
    readings : array_like, shape (repetitions, columns)
        A reading that is not finite is missing.
    quantile : Quantile
    level : float
    """
    known = matrix(readings)
    known.sort(axis=0)  # NaN comes last
    count = np.isfinite(known).sum(axis=0, dtype=np.int64)
    low, high, coverage = np.full((3, known.shape[1]), np.nan)
    for size in np.unique(count).tolist():
        ranks = order_ranks(size, quantile.share, level)
        if ranks is not None:
            columns = count == size
            low[columns], high[columns] = known[ranks.lower - 1, columns], known[ranks.upper - 1, columns]
            coverage[columns] = ranks.coverage
    return OrderInterval(quantile.of(known), low, high, coverage, count)


def minimum_count(quantile: Quantile = MEDIAN, *, level: float = DEFAULT_LEVEL) -> int:
    """Return from how many readings on there is an interval of a quantile at all: 5 for a median at 95 %.

    Raises
    ------
    ValueError
        The quantile is the smallest or largest reading, of which there never is one.
    """
    if quantile.share in (0, 1):
        raise ValueError(f"no number of readings gives an interval of the {quantile.label}")
    return next(size for size in itertools.count(1) if order_ranks(size, quantile.share, level))


@dataclass(frozen=True)
class OrderRanks:
    """Which readings in ascending order, counted from 1, are the ends of an interval, and its coverage."""

    lower: int
    upper: int
    coverage: float


@functools.lru_cache(maxsize=4096)
def order_ranks(size: int, share: float, level: float) -> OrderRanks | None:
    """Return the ends of the interval of a quantile; None when the readings are too few.

    Parameters
    ----------
    size : int
        How many readings there are.
    share : float
        Of the readings that lie below the quantile.
    level : float
    """
    if size == 0:
        return None
    below = stats.binom(size, share)
    lower, upper = int(below.ppf((1 - level) / 2)), int(below.ppf((1 + level) / 2)) + 1
    if lower >= 1 and upper <= size:
        return OrderRanks(lower, upper, float(below.cdf(upper - 1) - below.cdf(lower - 1)))
    range_holds = 1 - share**size - (1 - share) ** size
    return OrderRanks(1, size, range_holds) if range_holds >= level - _RANGE_LESS else None


@dataclass(frozen=True)
class Rate:
    """Rates with their intervals.

    Attributes
    ----------
    rate : ndarray, shape (columns,)
        NaN where nothing was tried.
    low, high : ndarray, shape (columns,)
        Hold the true rate in at least `level` of all studies; 0 and 1 where nothing was tried.
    """

    rate: Floats
    low: Floats
    high: Floats


def rate_interval(successes: ArrayLike, trials: ArrayLike, *, level: float = DEFAULT_LEVEL) -> Rate:
    """Return rates and their Clopper-Pearson intervals.

    Parameters
    ----------
    successes, trials : array_like of int, shape (columns,)
    level : float

    Raises
    ------
    ValueError
        There are more successes than trials, or fewer than none.
    """
    hits, tried = np.atleast_1d(np.asarray(successes)), np.atleast_1d(np.asarray(trials))
    if (hits < 0).any() or (hits > tried).any():
        raise ValueError("successes are between 0 and the number of trials")
    hits, tried = np.broadcast_arrays(hits, tried)
    # The inverse of the beta distribution takes long, and columns have few different counts.
    distinct, places = np.unique(np.stack([hits, tried]), axis=1, return_inverse=True)
    k, n = distinct
    tail = (1 - level) / 2
    none, all_ = k == 0, k == n
    # The ends of the beta distribution at 0 and n do not exist; their placeholders are replaced.
    low = np.where(none, 0.0, special.betaincinv(np.where(none, 1, k), n - k + 1, tail))
    high = np.where(all_, 1.0, special.betaincinv(k + 1, np.where(all_, 1, n - k), 1 - tail))
    rate = np.divide(k, n, out=np.full(n.shape, np.nan), where=n > 0)
    return Rate(*(ends[places.reshape(-1)] for ends in (rate, low, high)))
