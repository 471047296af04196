"""Bias-corrected and accelerated bootstrap intervals.

B. Efron, Better bootstrap confidence intervals, Journal of the American Statistical Association 82 (1987),
171-185; several samples as in `scipy.stats.bootstrap`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from meta.statistics.estimators.arrays import Floats
from meta.statistics.estimators.location import Estimator


def share_below(drawn: Floats, tolerance: float | Floats) -> Floats:
    """Return the share of the drawings' estimates that lie below the estimate; equal ones count half.

    Parameters
    ----------
    drawn : ndarray, shape (columns, drawings)
        What the drawings' estimates differ from the estimate by; NaN for a drawing without an estimate.
    tolerance : float or ndarray, shape (columns,)
        Differences up to this are rounding.

    Returns
    -------
    ndarray, shape (columns,)
        At least half a drawing from 0 and 1.
    """
    near = np.reshape(tolerance, (-1, 1))
    valid = np.maximum(np.count_nonzero(~np.isnan(drawn), axis=1), 1)
    below = np.count_nonzero(drawn < -near, axis=1)
    equal = np.count_nonzero(np.abs(drawn) <= near, axis=1)
    half = 0.5 / valid
    share: Floats = np.clip((below + 0.5 * equal) / valid, half, 1 - half)
    return share


def corrected_tails(tails: Floats, below: Floats, acceleration: Floats) -> Floats:
    """Return which quantiles of the drawings' estimates are the ends of the interval.

    Parameters
    ----------
    tails : ndarray, shape (2,)
        The quantiles without correction.
    below, acceleration : ndarray, shape (columns,)

    Returns
    -------
    ndarray, shape (2, columns)
    """
    bias = special.ndtri(below)
    shifted = bias + special.ndtri(tails)[:, None]
    # Where the denominator would change its sign the end is the outermost drawing.
    denominator = np.maximum(1 - acceleration * shifted, 1e-9)
    corrected: Floats = special.ndtr(bias + shifted / denominator)
    return corrected


def acceleration_of(left_out: Sequence[Floats]) -> Floats:
    """Return the acceleration from the jackknife.

    Parameters
    ----------
    left_out : sequence of ndarray, shape (repetitions, columns)
        Per stratum: the estimates when one repetition after the other is left out; NaN for one that has no
        reading.

    Returns
    -------
    ndarray, shape (columns,)
        0 where leaving out changes nothing.
    """
    cubes, squares = np.zeros((2, left_out[0].shape[1]))
    changes = []
    for estimates in left_out:
        known = np.isfinite(estimates)
        size = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, estimates, 0.0).sum(axis=0) / size
        changes.append(np.where(known, mean - estimates, 0.0) * (size - 1) / size)
    # In units of the largest one no cube overflows.
    scale = np.max([np.abs(change).max(axis=0, initial=0.0) for change in changes], axis=0)
    scale[scale == 0] = 1.0
    for change in (part / scale for part in changes):
        cubes += (change**3).sum(axis=0)
        squares += (change**2).sum(axis=0)
    return np.divide(cubes, 6 * squares**1.5, out=np.zeros_like(cubes), where=squares > 0)


def left_out_estimates(estimator: Estimator, ordered: Floats) -> Floats:
    """Return the estimates when one repetition after the other is left out.

    Parameters
    ----------
    ordered : ndarray, shape (repetitions, columns)
        Ascending in each column, NaN last.

    Returns
    -------
    ndarray, shape (repetitions, columns)
        NaN where there was nothing to leave out.
    """
    present = np.isfinite(ordered)
    known = np.where(present, ordered, 0.0)
    weights, divisor = (part.T for part in estimator.weights(present[1:].T.astype(np.float64)))
    # The readings before the one that is left out keep their rank, those after it move up by one.
    before, after = weights * known[:-1], weights * known[1:]
    sums = np.zeros_like(ordered)
    sums[1:] = np.cumsum(before, axis=0)
    sums[:-1] += after.sum(axis=0) - np.vstack([np.zeros_like(after[:1]), np.cumsum(after, axis=0)[:-1]])
    sums[~present] = np.nan
    estimates: Floats = np.divide(sums, divisor[0], out=np.full_like(sums, np.nan), where=divisor[0] > 0)
    return estimates
