"""Student's t interval of means and of weighted sums of means, on a link where their range is known.

A part is a sample of repetitions that are independent of those of other parts. One part has the classical
interval with ``n - 1`` degrees of freedom; two with the weights 1 and -1 are a difference (B. L. Welch, The
generalization of Student's problem when several different population variances are involved, Biometrika 34,
1947, 28-35); more are an average over strata. Degrees of freedom: F. E. Satterthwaite, An approximate
distribution of estimates of variance components, Biometrics Bulletin 2 (1946), 110-114. Repetitions that
are resampled splits of one data set share most of their readings; the variance of their mean has ``1/n +
test/train`` in place of ``1/n`` (C. Nadeau and Y. Bengio, Inference for the generalization error, Machine
Learning 52, 2003, 239-281).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from meta.statistics.estimators.arrays import Booleans, Floats, Integers
from meta.statistics.estimators.location import MEAN

#: Of fewer repetitions there is no interval: two say next to nothing about the spread.
FEWEST = 3
#: In units of the numbers that readings were computed from: a spread up to this is rounding.
_ROUNDING = 2.0**-46

#: The smallest and the largest value that a mean can have; None where there is no such end.
Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class Part:
    """Repetitions that are independent of those of other parts.

    Attributes
    ----------
    readings : ndarray, shape (repetitions, columns)
        NaN where a repetition has none.
    weight : float
        Of their mean, in the sum.
    ratio : float or ndarray, shape (columns,)
        The size of the test set divided by that of the training set, where repetitions are resampled splits
        of one data set; else 0.
    magnitude : float or ndarray, shape (columns,)
        How large the numbers are that readings were computed from, such as those of a difference: a spread
        that is no more than their rounding is none. 0 where readings are as they were measured.
    """

    readings: Floats
    weight: float = 1.0
    ratio: float | Floats = 0.0
    magnitude: float | Floats = 0.0


@dataclass(frozen=True)
class Mean:
    """A weighted sum of means, per column.

    Attributes
    ----------
    estimate : ndarray, shape (columns,)
        NaN where a part has no reading.
    standard_error : ndarray, shape (columns,)
        0 where nothing varied; NaN where a part has fewer than two readings.
    degrees : ndarray, shape (columns,)
        Degrees of freedom; NaN where nothing varied.
    count : ndarray of int, shape (columns,)
        The readings of the part that has the fewest.
    """

    estimate: Floats
    standard_error: Floats
    degrees: Floats
    count: Integers

    @property
    def nothing_varied(self) -> Booleans:
        """Where several readings were all equal, shape (columns,)."""
        return np.asarray(self.standard_error == 0)


def combined(parts: Sequence[Part]) -> Mean:
    """Return the sum of the means of independent samples, each times its weight.

    Parameters
    ----------
    parts : sequence of Part
        At least one, of equal numbers of columns.
    """
    means = [MEAN.of(part.readings) for part in parts]
    spreads = [_spread(part, mean) for part, mean in zip(parts, means, strict=True)]
    errors = [
        abs(part.weight) * spread * np.sqrt(1 / np.maximum(count, 1) + part.ratio)
        for part, (spread, count) in zip(parts, spreads, strict=True)
    ]
    estimates = [part.weight * mean for part, mean in zip(parts, means, strict=True)]
    return summed(np.array(estimates), np.array(errors), np.array([count for _, count in spreads]))


def summed(estimates: Floats, errors: Floats, counts: Integers) -> Mean:
    """Return the sum of independent means.

    Parameters
    ----------
    estimates, errors : ndarray, shape (parts, columns)
        The mean of each part and its standard error, both times its weight.
    counts : ndarray of int, shape (parts, columns)
        How many readings each has.
    """
    # In units of the largest error no square overflows.
    unit = errors.max(axis=0)
    unit[~(unit > 0)] = 1.0
    variances = (errors / unit) ** 2
    total = variances.sum(axis=0)
    of_degrees = (variances**2 / np.maximum(counts - 1, 1)).sum(axis=0)
    degrees = np.divide(total**2, of_degrees, out=np.full_like(total, np.nan), where=of_degrees > 0)
    return Mean(estimates.sum(axis=0), unit * np.sqrt(total), degrees, counts.min(axis=0))


def _spread(part: Part, mean: Floats) -> tuple[Floats, Integers]:
    """Return the standard deviation and the number of readings of each column, in two passes."""
    readings = part.readings
    present = np.isfinite(readings)
    count = present.sum(axis=0, dtype=np.int64)
    if not len(readings):
        return np.full(count.shape, np.nan), count
    kept = readings if present.all() else np.where(present, readings, mean)
    lowest, highest = kept.min(axis=0), kept.max(axis=0)
    largest = np.maximum(highest - mean, mean - lowest)
    equal = (lowest == highest) | (largest <= _ROUNDING * part.magnitude)
    scale = np.where(largest > 0, largest, 1.0)
    deviations = kept - mean
    deviations /= scale
    squares = np.einsum("ij,ij->j", deviations, deviations)
    deviation = scale * np.sqrt(squares / np.maximum(count - 1, 1))
    deviation[equal] = 0.0
    deviation[count < 2] = np.nan
    return deviation, count


def student_ends(mean: Mean, level: float, bounds: Bounds | None = None) -> tuple[Floats, Floats]:
    """Return the ends of the t interval; NaN where fewer than three readings, or nothing varied.

    Parameters
    ----------
    mean : Mean
    level : float
        The share of such intervals that are to hold the true value, between 0 and 1.
    bounds : tuple of float or None, optional
        The ends of the range of the mean. The interval is then that of the logarithm of the distance to the
        one end, or of the logit of the share of the range, by the delta method, taken back: it lies within.

    Returns
    -------
    low, high : ndarray, shape (columns,)
    """
    known = (mean.count >= FEWEST) & (mean.standard_error > 0)
    reach = np.full(mean.estimate.shape, np.nan)
    reach[known] = special.stdtrit(mean.degrees[known], (1 + level) / 2) * mean.standard_error[known]
    lowest, highest = bounds or (None, None)
    if lowest is not None and highest is not None:
        width = highest - lowest
        share = (mean.estimate - lowest) / width
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = reach / (width * share * (1 - share))
            place = special.logit(share)
        return lowest + width * special.expit(place - reach), lowest + width * special.expit(place + reach)
    if lowest is not None:
        return _beside(mean.estimate - lowest, reach, lowest)
    if highest is not None:
        high, low = _beside(highest - mean.estimate, reach, -highest)
        return -low, -high
    return mean.estimate - reach, mean.estimate + reach


def _beside(distance: Floats, reach: Floats, end: float) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factor = np.exp(reach / distance)
    return end + distance / factor, end + distance * factor
