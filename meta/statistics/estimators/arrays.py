"""The arrays that statistics take: their types, and how missing readings are marked."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


def matrix(readings: ArrayLike, axes: str = "repetitions, columns") -> Floats:
    """Return a copy of two-dimensional readings with NaN for each one that is not finite.

    Raises
    ------
    ValueError
        There are not two dimensions: it is unknown which axis is that of the repetitions.
    """
    array = np.array(readings, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"the readings have {array.ndim} dimensions; two are needed: ({axes})")
    array[~np.isfinite(array)] = np.nan
    return array


def sample(readings: ArrayLike) -> Floats:
    """Return the finite ones of one-dimensional readings.

    Raises
    ------
    ValueError
        There is not one dimension.
    """
    array = np.asarray(readings, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"the readings have {array.ndim} dimensions; one is needed: (repetitions,)")
    return array[np.isfinite(array)]


def unit_of(*readings: Floats) -> float:
    """Return a unit in which the largest reading lies between 1 and 2, so that no square over- or underflows.

    A power of two: dividing by it rounds nothing. Without readings, or when all are 0, any unit will do.
    """
    largest = max((float(np.abs(array).max(initial=0.0)) for array in readings), default=0.0)
    return math.ldexp(0.5, math.frexp(largest)[1])


def pairs(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    """Return the pairs of which both readings are finite.

    Parameters
    ----------
    first, second : array_like, shape (repetitions,)
        Readings at the same place belong together: the same repetition, with the same seed.

    Raises
    ------
    ValueError
        The shapes differ, or are not one-dimensional.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise ValueError(
            f"readings of shapes {one.shape} and {other.shape} are no pairs: two of the same shape "
            "(repetitions,) are needed, with NaN where a repetition has no reading"
        )
    both = np.isfinite(one) & np.isfinite(other)
    return one[both], other[both]
