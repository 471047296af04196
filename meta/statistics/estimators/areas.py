"""The area under each repetition's curve, which depends on speed and final level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate

from meta.statistics.estimators.arrays import Floats, matrix


@dataclass(frozen=True)
class Areas:
    """Areas by the trapezoid rule, per repetition.

    Attributes
    ----------
    area : ndarray, shape (repetitions,)
        In readings times steps; in readings when normalised. NaN where a repetition has fewer than two
        readings.
    span : ndarray, shape (repetitions,)
        From the first to the last step that has a reading. Areas over different spans cannot be compared:
        normalise them, or leave out repetitions that ended early.
    """

    area: Floats
    span: Floats


def areas_under(steps: ArrayLike, readings: ArrayLike, *, normalise: bool = False) -> Areas:
    """Return the area under each repetition's curve.

    Parameters
    ----------
    steps : array_like, shape (columns,)
        Ascending.
    readings : array_like, shape (repetitions, columns)
        Over a reading that is not finite the curve is drawn straight from its neighbour to the next one;
        before the first and after the last reading there is no area.
    normalise : bool
        Divide by the span: the mean height of the curve.

    Raises
    ------
    ValueError
        The steps do not ascend, or are not as many as the columns.
    """
    known = matrix(readings, "repetitions, steps")
    places = np.asarray(steps, dtype=np.float64)
    if places.shape != (known.shape[1],) or (np.diff(places) <= 0).any():
        raise ValueError(f"a curve of {known.shape[1]} columns needs as many ascending steps")
    area, span = np.full((2, len(known)), np.nan)
    present = np.isfinite(known)
    for row in np.flatnonzero(present.sum(axis=1) > 1):
        here = places[present[row]]
        area[row] = integrate.trapezoid(known[row, present[row]], here)
        span[row] = here[-1] - here[0]
    return Areas(area / span if normalise else area, span)
