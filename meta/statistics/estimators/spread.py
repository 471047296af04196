"""How far readings lie apart: standard deviation and error, and the interquartile range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from meta.statistics.estimators.arrays import Floats, matrix
from meta.statistics.estimators.location import MEAN, quantile


@dataclass(frozen=True)
class Spread:
    """The spread over repetitions, per column.

    Attributes
    ----------
    standard_deviation : ndarray, shape (columns,)
        Of the population, estimated with ``n - 1`` in the divisor; NaN where fewer than two repetitions have
        a reading.
    standard_error : ndarray, shape (columns,)
        Of the mean: the standard deviation divided by the root of n.
    interquartile_range : ndarray, shape (columns,)
        Between the 25 % and the 75 % quantile; NaN where no repetition has a reading.
    """

    standard_deviation: Floats
    standard_error: Floats
    interquartile_range: Floats


def spread(readings: ArrayLike) -> Spread:
    """Return the spread of each column.

    Parameters
    ----------
    readings : array_like, shape (repetitions, columns)
        A reading that is not finite is missing.
    """
    known = matrix(readings)
    present = np.isfinite(known)
    count = present.sum(axis=0, dtype=np.int64)
    deviations = np.where(present, known - MEAN.of(known), 0.0)
    # In units of the largest one no square overflows.
    scale = np.abs(deviations).max(axis=0, initial=0.0)
    scale[scale == 0] = 1.0
    squares = ((deviations / scale) ** 2).sum(axis=0)
    deviation = np.full(count.shape, np.nan)
    several = count > 1
    deviation[several] = scale[several] * np.sqrt(squares[several] / (count[several] - 1))
    return Spread(
        standard_deviation=deviation,
        standard_error=deviation / np.sqrt(np.maximum(count, 1)),
        interquartile_range=quantile(75).of(known) - quantile(25).of(known),
    )
