"""The mean over repetitions and its bootstrap interval.

The percentile bootstrap of Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter
13: repetitions are drawn with replacement, the mean is taken of each drawing, and the interval lies
between two quantiles of these means. A drawing is a row of weights (how often each repetition
was drawn), so all means of all columns are one matrix product ``weights @ readings / n``. Whole
repetitions are drawn: every column (step) sees the same weights, as the points of a curve belong together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

DEFAULT_RESAMPLES = 10_000
DEFAULT_LEVEL = 0.95

#: Resampled means held at once: 4 bytes each, and partitioning them takes a copy.
_MEANS_PER_BLOCK = 20_000_000
#: Weights held at once: 4 bytes each, 12 more while they are drawn.
_WEIGHTS_PER_BLOCK = 4_000_000


@dataclass(frozen=True)
class MeanInterval:
    """The mean over repetitions with its interval, per column.

    Attributes
    ----------
    mean : ndarray, shape (columns,)
        NaN where no repetition has a reading.
    low, high : ndarray, shape (columns,)
        The ends of the interval; NaN where fewer than two repetitions have a reading.
    count : ndarray of int, shape (columns,)
        How many repetitions have a reading.
    level : float
        The share of the drawings' means that lie between `low` and `high`.
    resamples : int
        How many drawings the interval rests on.
    """

    mean: Floats
    low: Floats
    high: Floats
    count: NDArray[np.int64]
    level: float
    resamples: int


def mean_interval(
    readings: Floats,
    *,
    seed: int,
    level: float = DEFAULT_LEVEL,
    resamples: int = DEFAULT_RESAMPLES,
) -> MeanInterval:
    """Return the mean over repetitions and its percentile bootstrap interval, per column.

    Parameters
    ----------
    readings : ndarray, shape (repetitions, columns)
        Columns are the steps of a curve, or configurations; they are resampled together. A reading
        that is not finite is missing: it is left out of its column only, and in a drawing that
        column's mean is over the drawn repetitions that have a reading.
    seed : int
        Of the drawings: the same seed and number of repetitions give the same weights.
    level : float
        Between 0 and 1.
    resamples : int
        How many drawings.
    """
    readings = np.asarray(readings, dtype=np.float64)
    if readings.ndim != 2:
        raise ValueError(f"readings have {readings.ndim} dimensions; (repetitions, columns) are needed")
    present = np.isfinite(readings)
    count = present.sum(axis=0, dtype=np.int64)
    mean = _means(readings, present, count)
    low = np.full(mean.shape, np.nan)
    high = np.full(mean.shape, np.nan)
    width = max(1, _MEANS_PER_BLOCK // resamples)
    drawings = _Drawings(seed, len(readings), resamples)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    for complete in (True, False):
        chosen = np.flatnonzero((count > 1) & ((count == len(readings)) == complete))
        for columns in np.split(chosen, range(width, len(chosen), width)):
            if len(columns):
                block, here = readings[:, columns], None if complete else present[:, columns]
                low[columns], high[columns] = _interval(
                    block, here, mean=mean[columns], drawings=drawings, tails=tails
                )
    return MeanInterval(mean, low, high, count, level, resamples)


@dataclass(frozen=True)
class _Drawings:
    seed: int
    repetitions: int
    resamples: int

    def weights(self) -> Iterator[tuple[slice, Singles]]:
        """Yield blocks of the weights, shape (drawings, repetitions); each call yields the same ones."""
        generator = np.random.default_rng(self.seed)
        rows = max(1, _WEIGHTS_PER_BLOCK // self.repetitions)
        for start in range(0, self.resamples, rows):
            size = min(rows, self.resamples - start)
            drawn = generator.integers(self.repetitions, size=(size, self.repetitions), dtype=np.int32)
            # Counting per row is counting once over rows laid end to end.
            drawn += np.arange(size, dtype=np.int32)[:, None] * np.int32(self.repetitions)
            counts = np.bincount(drawn.ravel(), minlength=size * self.repetitions)
            yield slice(start, start + size), counts.reshape(size, -1).astype(np.float32)


def _means(readings: Floats, present: NDArray[np.bool_], count: NDArray[np.int64]) -> Floats:
    """Return the mean of the present readings per column."""
    divisor = np.maximum(count, 1)
    kept = np.where(present, readings, 0.0)
    with np.errstate(over="ignore"):
        mean: Floats = kept.sum(axis=0) / divisor
    huge = ~np.isfinite(mean)  # the sum overflowed, not the mean
    mean[huge] = (kept[:, huge] / divisor[huge]).sum(axis=0)
    mean[count == 0] = np.nan
    return mean


def _interval(
    readings: Floats,
    present: NDArray[np.bool_] | None,
    *,
    mean: Floats,
    drawings: _Drawings,
    tails: Floats,
) -> tuple[Floats, Floats]:
    """Return the ends of the interval for columns that are all complete (`present` None) or all not."""
    # Single precision suffices for deviations from the mean, in units of the largest of them.
    deviations = readings - mean if present is None else np.where(present, readings - mean, 0.0)
    scale = np.abs(deviations).max(axis=0)
    scale[scale == 0] = 1.0
    scaled = (deviations / scale).astype(np.float32).T
    here = None if present is None else present.astype(np.float32).T
    means = np.empty((readings.shape[1], drawings.resamples), dtype=np.float32)
    for rows, weights in drawings.weights():
        sums = scaled @ weights.T
        if here is None:
            means[:, rows] = sums / np.float32(len(readings))
        else:
            drawn = here @ weights.T
            # A drawing that took no repetition with a reading has no mean, and does not count.
            means[:, rows] = np.divide(sums, drawn, out=np.full_like(sums, np.nan), where=drawn > 0)
    quantile = np.quantile if here is None else np.nanquantile
    low, high = quantile(means, tails, axis=1, overwrite_input=True)
    return mean + scale * low, mean + scale * high
