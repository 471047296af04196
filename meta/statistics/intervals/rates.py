"""Rates of successes with exact binomial intervals.

C. J. Clopper and E. S. Pearson, The use of confidence or fiducial limits illustrated in the case of the
binomial, Biometrika 26 (1934), 404-413.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from meta.statistics.estimators.arrays import Floats
from meta.statistics.intervals.resampling import DEFAULT_LEVEL


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
