"""Exact intervals: of medians and other quantiles, and of rates of successes.

How many of n readings lie below the true quantile is binomial, whatever the distribution; so the interval
between two order statistics holds it with a known probability (H. A. David and H. N. Nagaraja, Order
Statistics, 3rd edition, 2003, section 7.1). Rates: C. J. Clopper and E. S. Pearson, The use of confidence or
fiducial limits illustrated in the case of the binomial, Biometrika 26 (1934), 404-413.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from meta.statistics.estimators.arrays import Floats, Integers, matrix
from meta.statistics.estimators.location import MEDIAN, Quantile
from meta.statistics.intervals.resampling import DEFAULT_LEVEL


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
        With which probability such an interval holds the true quantile: at least the level.
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
    """Return a quantile of each column and its exact interval, with equal tails.

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
        ranks = _ranks(size, quantile.share, level)
        if ranks is not None:
            columns = count == size
            lower, upper = ranks
            low[columns], high[columns] = known[lower - 1, columns], known[upper - 1, columns]
            below = stats.binom(size, quantile.share)
            coverage[columns] = below.cdf(upper - 1) - below.cdf(lower - 1)
    return OrderInterval(quantile.of(known), low, high, coverage, count)


def minimum_count(quantile: Quantile = MEDIAN, *, level: float = DEFAULT_LEVEL) -> int:
    """Return from how many readings on there is an interval of a quantile at all: 6 for a median at 95 %.

    Raises
    ------
    ValueError
        The quantile is the smallest or largest reading, of which there never is one.
    """
    outer = max(quantile.share, 1 - quantile.share)
    if outer >= 1:
        raise ValueError(f"no number of readings gives an interval of the {quantile.label}")
    enough = math.ceil(math.log((1 - level) / 2) / math.log(outer))
    # The logarithm may be off by rounding where the number is whole.
    return next(size for size in range(max(1, enough - 1), enough + 2) if _ranks(size, quantile.share, level))


def _ranks(size: int, share: float, level: float) -> tuple[int, int] | None:
    """Return the ranks, from 1, of the ends of the interval; None when the readings are too few."""
    if size == 0:
        return None
    below = stats.binom(size, share)
    lower, upper = int(below.ppf((1 - level) / 2)), int(below.ppf((1 + level) / 2)) + 1
    return (lower, upper) if lower >= 1 and upper <= size else None


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
    tail = (1 - level) / 2
    none, all_ = hits == 0, hits == tried
    # The ends of the beta distribution at 0 and n do not exist; their placeholders are replaced.
    low = special.betaincinv(np.where(none, 1, hits), tried - hits + 1, tail)
    high = special.betaincinv(hits + 1, np.where(all_, 1, tried - hits), 1 - tail)
    return Rate(
        rate=np.divide(hits, tried, out=np.full(tried.shape, np.nan), where=tried > 0),
        low=np.where(none, 0.0, low),
        high=np.where(all_, 1.0, high),
    )
