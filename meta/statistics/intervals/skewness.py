"""Skewness of readings, and how seldom a t interval holds the mean of skewed ones.

The sample skewness of n normal readings has the variance ``6 (n - 2) / ((n + 1) (n + 3))`` (D. N. Joanes and
C. A. Gill, Comparing measures of sample skewness and kurtosis, The Statistician 47, 1998, 183-189, for g1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from meta.statistics.estimators.arrays import Booleans, Floats, matrix
from meta.statistics.estimators.location import MEAN

#: Of fewer readings skewness is not told from chance.
LEAST = 8
#: The percentage of 95 % t intervals that hold the mean of lognormal readings with sigma 1, by their number:
#: the figures of docs/statistics.md.
_HELD = {3: 84, 4: 82, 5: 82, 10: 83, 30: 88, 100: 91}
#: Of more readings it is more.
MOST = max(_HELD)


def skewness(readings: ArrayLike) -> Floats:
    """Return the third standardised moment (g1) of each column.

    Parameters
    ----------
    readings : array_like, shape (repetitions, columns)
        A reading that is not finite is missing.

    Returns
    -------
    ndarray, shape (columns,)
        NaN where nothing varied, or no repetition has a reading.
    """
    known = matrix(readings)
    present = np.isfinite(known)
    count = present.sum(axis=0)
    deviations = np.where(present, known - MEAN.of(known), 0.0)
    # In units of the largest deviation no power overflows.
    unit = np.abs(deviations).max(axis=0, initial=0.0)
    deviations /= np.where(unit > 0, unit, 1.0)
    second, third = (np.sum(deviations**power, axis=0) / np.maximum(count, 1) for power in (2, 3))
    skew: Floats = np.divide(third, second**1.5, out=np.full(count.shape, np.nan), where=unit > 0)
    return skew


def is_skewed(readings: ArrayLike) -> Booleans:
    """Say of each column whether its skewness is beyond two standard errors of that of normal readings.

    Parameters
    ----------
    readings : array_like, shape (repetitions, columns)
        Columns of fewer than eight are not.
    """
    known = matrix(readings)
    n = np.isfinite(known).sum(axis=0).astype(np.float64)
    with np.errstate(invalid="ignore"):
        limit = 2 * np.sqrt(6 * np.maximum(n - 2, 0) / ((n + 1) * (n + 3)))
        return np.asarray((n >= LEAST) & (np.abs(skewness(known)) > limit))


def coverage_of_lognormal(count: int) -> int:
    """Return in what percentage of cases a 95 % t interval of so many lognormal readings holds the mean."""
    return next(held for least, held in reversed(_HELD.items()) if count >= least)
