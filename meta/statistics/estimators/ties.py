"""Numbers that are equal but for rounding: the mean of readings in another order differs in its last bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from meta.statistics.estimators.arrays import Floats

#: Means of the same readings differ by a smaller share of themselves than this, in whatever order they are
#: added up.
_ROUNDING = 2.0**-40


def merged(values: Floats, tolerances: Floats) -> Floats:
    """Return numbers of which those that differ by no more than rounding are made equal.

    Ascending, each number joins the smallest of the group before it when it is no further away than the
    larger tolerance of the two, so that no chain of small steps joins numbers that are far apart.

    Parameters
    ----------
    values, tolerances : ndarray, shape (numbers,)
        By how much rounding may have moved each. Tolerances are of each number by itself: one huge
        number among them does not make the others equal.

    Returns
    -------
    ndarray, shape (numbers,)
        What is not finite stays as it is.
    """
    result = values.copy()
    places = np.flatnonzero(np.isfinite(values))
    first, reach = -np.inf, 0.0
    for place in places[np.lexsort((tolerances[places], values[places]))].tolist():
        value, tolerance = float(values[place]), float(tolerances[place])
        if value - first > max(tolerance, reach):
            first, reach = value, tolerance
        result[place] = first
    return result


def merged_scores(scores: ArrayLike) -> Floats:
    """Return scores of which those of a row that differ by no more than rounding are made equal.

    Parameters
    ----------
    scores : array_like, shape (rows, scores)
        Means, medians and the like.
    """
    known = np.asarray(scores, dtype=np.float64)
    return np.stack([merged(row, _ROUNDING * np.abs(row)) for row in known]) if len(known) else known.copy()


def is_rounding(difference: float, of: float) -> bool:
    """Say whether a difference of estimates of this size is no more than rounding."""
    return abs(difference) <= _ROUNDING * abs(of)
