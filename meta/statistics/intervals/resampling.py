"""The drawings of the bootstrap: how often each repetition was drawn."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import special

from meta.statistics.estimators.arrays import Floats, Integers

DEFAULT_RESAMPLES = 10_000
DEFAULT_LEVEL = 0.95

#: Weights held at once: 8 bytes each, 12 more while they are drawn.
_WEIGHTS_PER_BLOCK = 2_000_000
#: Up to so many the last drawings are kept (32 MB): cells of a table and steps of curves take the same ones.
_WEIGHTS_KEPT = 4_000_000

Method = Literal["percentile", "expanded", "bca"]


@dataclass(frozen=True)
class Resampling:
    """How a bootstrap interval is made.

    Attributes
    ----------
    seed : int
        Of the drawings: the same seed and numbers of repetitions give the same drawings.
    level : float
        The share of such intervals that are to hold the true value, between 0 and 1.
    resamples : int
        How many drawings.
    method : {"percentile", "expanded", "bca"}
        Percentile: between two quantiles of the drawings' estimates. Expanded: quantiles further out, as
        drawings of few repetitions lie too close together (Hesterberg 2015). BCa: quantiles that are
        corrected for bias and for a spread that changes with the true value (Efron 1987).
    """

    seed: int
    level: float = DEFAULT_LEVEL
    resamples: int = DEFAULT_RESAMPLES
    method: Method = "percentile"

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError(f"the level of an interval is between 0 and 1, not {self.level}")
        if self.resamples < 1:
            raise ValueError(f"an interval needs at least one drawing, not {self.resamples}")
        if self.method not in get_args(Method):
            names = ", ".join(map(repr, get_args(Method)))
            raise ValueError(f"there is no bootstrap method {self.method!r}: use one of {names}")

    @property
    def tails(self) -> Floats:
        """The two shares of the drawings' estimates between which the interval lies, shape (2,)."""
        return np.array([(1 - self.level) / 2, (1 + self.level) / 2])

    def tails_of(self, count: Integers) -> Floats:
        """Return these shares for columns of so many readings, shape (2, columns).

        Those of the expanded percentile interval reach as far as Student's t does, of a standard deviation
        with the divisor ``n - 1`` (T. Hesterberg, What teachers should know about the bootstrap, The American
        Statistician 69, 2015, section 4.4). Of a single reading they are the outermost drawings.
        """
        if self.method != "expanded":
            return np.repeat(self.tails[:, None], len(count), axis=1)
        several = np.maximum(count, 2)
        reach = np.sqrt(several / (several - 1)) * special.stdtrit(several - 1.0, self.tails[1])
        return np.array([special.ndtr(-reach), special.ndtr(reach)])


@dataclass(frozen=True)
class Drawings:
    """Drawings with replacement, of each stratum as many repetitions as it has.

    Attributes
    ----------
    resampling : Resampling
    sizes : tuple of int
        The repetitions of each stratum; one stratum for a configuration by itself, one per task for an
        aggregate over tasks.
    """

    resampling: Resampling
    sizes: tuple[int, ...]

    def counts(self) -> Iterator[tuple[slice, Floats]]:
        """Return blocks of how often each repetition was drawn; each call returns the same ones.

        Returns
        -------
        iterator of (rows, counts)
            Which drawings these are (a slice), and a read-only array of shape (drawings, sum of
            sizes): the strata are concatenated.
        """
        if self.resampling.resamples * sum(self.sizes) <= _WEIGHTS_KEPT:
            # Neither the level nor the method changes what is drawn.
            how = Resampling(self.resampling.seed, resamples=self.resampling.resamples)
            return iter(_kept(Drawings(how, self.sizes)))
        return self.draw()

    def draw(self) -> Iterator[tuple[slice, Floats]]:
        """Yield what `counts` does, drawn anew."""
        generator = np.random.default_rng(self.resampling.seed)
        total = sum(self.sizes)
        rows = max(1, _WEIGHTS_PER_BLOCK // max(total, 1))
        for start in range(0, self.resampling.resamples, rows):
            size = min(rows, self.resampling.resamples - start)
            drawn = np.empty((size, total), dtype=np.int32)
            first = 0
            for stratum in self.sizes:
                part = generator.integers(stratum, size=(size, stratum), dtype=np.int32)
                drawn[:, first : first + stratum] = part + np.int32(first)
                first += stratum
            # Counting per row is counting once over rows laid end to end.
            drawn += np.arange(size, dtype=np.int32)[:, None] * np.int32(total)
            counts = np.bincount(drawn.ravel(), minlength=size * total)
            weights = counts.reshape(size, total).astype(np.float64)
            weights.flags.writeable = False
            yield slice(start, start + size), weights


@functools.lru_cache(maxsize=1)
def _kept(drawings: Drawings) -> list[tuple[slice, Floats]]:
    return list(drawings.draw())


def quantiles(drawn: Floats, shares: Floats) -> Floats:
    """Return quantiles of the estimates of each column.

    Parameters
    ----------
    drawn : ndarray, shape (columns, drawings)
        Reordered in place. NaN does not count.
    shares : ndarray, shape (ends,) or (ends, columns)

    Returns
    -------
    ndarray, shape (ends, columns)
        NaN for a column that has nothing else.
    """
    result: Floats
    if shares.ndim == 1 and not np.isnan(drawn).any():
        result = np.quantile(drawn, shares, axis=1, overwrite_input=True)
        return result
    drawn.sort(axis=1)
    place = np.reshape(shares, (len(shares), -1)) * (np.count_nonzero(~np.isnan(drawn), axis=1) - 1)
    below = np.floor(place).astype(np.int64)
    columns = np.arange(len(drawn))
    lower, upper = drawn[columns, below], drawn[columns, np.ceil(place).astype(np.int64)]
    result = lower + (place - below) * (upper - lower)
    return result
