"""Effect sizes: how large a difference is, without a unit.

Positive, or above one half, means that the first method's readings are larger; whether that is better depends
on the metric's goal.

- Cliff's delta: N. Cliff, Dominance statistics, Psychological Bulletin 114 (1993), 494-509.
- A12: A. Vargha and H. D. Delaney, A critique and improvement of the CL common language effect size
  statistics, Journal of Educational and Behavioral Statistics 25 (2000), 101-132.
- Hedges' g: L. V. Hedges, Distribution theory for Glass's estimator of effect size, Journal of
  Educational Statistics 6 (1981), 107-128.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from meta.statistics.estimators.arrays import Floats, sample, unit_of

#: J. Romano and others, Appropriate statistics for ordinal level data, Florida Association of Institutional
#: Research, 2006.
_WORDS = ((0.147, "negligible"), (0.33, "small"), (0.474, "medium"), (math.inf, "large"))


@dataclass(frozen=True)
class Effects:
    """Effect sizes of two methods; the repetitions are taken as independent, also when they are paired.

    Attributes
    ----------
    cliffs_delta : float
        P(first > second) - P(first < second), from -1 to 1; NaN where a method has no reading.
    a12 : float
        P(first > second) + P(equal) / 2, from 0 to 1.
    hedges_g : float
        The difference of means in pooled standard deviations, corrected for small samples; NaN where the
        readings are too few or do not vary.
    sizes : tuple of int
        How many readings each method has.
    note : str
        Why a number is missing; empty where none is.
    """

    cliffs_delta: float
    a12: float
    hedges_g: float
    sizes: tuple[int, int]
    note: str = ""

    @property
    def magnitude(self) -> str:
        """Cliff's delta as a word, after Romano and others (2006)."""
        return magnitude(self.cliffs_delta)


def magnitude(cliffs_delta: float) -> str:
    """Return the word for the size of a Cliff's delta, after Romano and others (2006)."""
    if math.isnan(cliffs_delta):
        return "unknown"
    return next(word for limit, word in _WORDS if abs(cliffs_delta) < limit)


def effect_sizes(first: ArrayLike, second: ArrayLike) -> Effects:
    """Return the effect sizes of two methods.

    Parameters
    ----------
    first : array_like, shape (n,)
    second : array_like, shape (m,)
        Readings that are not finite are left out.
    """
    one, other = sample(first), np.sort(sample(second))
    sizes = (len(one), len(other))
    if not all(sizes):
        return Effects(math.nan, math.nan, math.nan, sizes, "a method has no reading")
    larger = int(np.searchsorted(other, one, side="left").sum())
    smaller = int((len(other) - np.searchsorted(other, one, side="right")).sum())
    every = len(one) * len(other)
    delta = (larger - smaller) / every
    g, note = _hedges_g(one, other)
    return Effects(delta, (1 + delta) / 2, g, sizes, note)


def _hedges_g(one: Floats, other: Floats) -> tuple[float, str]:
    freedom = len(one) + len(other) - 2
    if min(len(one), len(other)) < 2:
        return math.nan, "fewer than two readings of a method say nothing about their spread"
    unit = unit_of(one, other)
    one, other = one / unit, other / unit
    squares = float(((one - one.mean()) ** 2).sum() + ((other - other.mean()) ** 2).sum())
    # Equal decimal fractions differ from their mean by rounding.
    if squares <= (freedom + 2) * (4 * np.finfo(np.float64).eps) ** 2:
        return math.nan, "neither method varies"
    half = freedom / 2
    correction = math.exp(special.gammaln(half) - special.gammaln(half - 0.5)) / math.sqrt(half)
    return float(correction * (one.mean() - other.mean()) / math.sqrt(squares / freedom)), ""
