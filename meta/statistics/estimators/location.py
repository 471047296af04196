"""Where readings lie: the estimators that intervals, graphs and tables share, by the names of series files.

All of them are L-estimators: weighted means of the readings in ascending order, with weights that depend on
ranks only. A drawing of the bootstrap changes how often each rank occurs, hence the weights and not the
readings, so that all drawings of all columns are one matrix product (bootstrap.py).
"""

from __future__ import annotations

import difflib
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta.statistics.estimators.arrays import Floats, matrix


@dataclass(frozen=True)
class Estimator(ABC):
    """A weighted mean of ordered readings.

    Attributes
    ----------
    name : str
        As in series files.
    label : str
        As on axes and in captions.
    """

    name: str
    label: str

    @property
    def is_linear(self) -> bool:
        """Whether the weights are the same for all ranks, so that no order is needed."""
        return False

    @abstractmethod
    def kept(self, reached: Floats, total: Floats) -> Floats:
        """Return how much weight the `reached` smallest of `total` readings have together.

        Parameters
        ----------
        reached, total : ndarray
            Whole numbers, of shapes that broadcast; ``reached <= total``.
        """

    @abstractmethod
    def divisor(self, total: Floats) -> Floats:
        """Return how much weight all of `total` readings have together."""

    def weights(self, counts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the weights of readings in ascending order, and what their weighted sum is divided by.

        Parameters
        ----------
        counts : ndarray, shape (..., readings)
            How often each reading occurs, 0 or more.

        Returns
        -------
        weights : ndarray, shape (..., readings)
        divisor : ndarray, shape (..., 1)
            0 where no reading occurs.
        """
        total = counts.sum(axis=-1, keepdims=True)
        if self.is_linear:
            return counts, total
        kept = self.kept(np.cumsum(counts, axis=-1), total)
        weights = np.diff(kept, axis=-1, prepend=np.zeros_like(total))
        return weights, np.where(total > 0, self.divisor(total), 0)

    def of(self, readings: ArrayLike) -> Floats:
        """Return the estimate of each column.

        Parameters
        ----------
        readings : array_like, shape (repetitions, columns)
            A reading that is not finite is missing.

        Returns
        -------
        ndarray, shape (columns,)
            NaN where no repetition has a reading.
        """
        ordered = matrix(readings)
        ordered.sort(axis=0)  # NaN comes last; also for sums, which depend on the order in their last bit
        present = np.isfinite(ordered)
        is_complete = present.all()
        kept = ordered if is_complete else np.where(present, ordered, 0.0)
        if self.is_linear:
            weighted, divisor = kept, present.sum(axis=0, dtype=np.float64)
        else:
            # Complete columns have the same weights.
            counts = present[:, :1] if is_complete else present
            weights, (divisor,) = (part.T for part in self.weights(counts.T.astype(np.float64)))
            weighted = weights * kept
            divisor = np.broadcast_to(divisor, weighted.shape[1:])
        some = divisor > 0
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            estimates: Floats = weighted.sum(axis=0) / divisor
            huge = some & ~np.isfinite(estimates)  # the sum overflowed, not the estimate
            estimates[huge] = (weighted[:, huge] / divisor[huge]).sum(axis=0)
        estimates[~some] = np.nan
        return estimates

    def of_extended(self, readings: Floats) -> float:
        """Return the estimate of readings that may be infinite.

        Parameters
        ----------
        readings : ndarray, shape (repetitions,)
            Without NaN.

        Returns
        -------
        float
            Infinite where an infinite reading has weight: the median of more than half of such readings, the
            mean of any. NaN where both infinities have weight, or without readings.
        """
        if np.isfinite(readings).all():
            return float(self.of(readings[:, None])[0])
        weights, divisor = self.weights(np.ones(len(readings)))
        has_weight = weights > 0
        with np.errstate(invalid="ignore"):
            weighted = weights[has_weight] * np.sort(readings)[has_weight]
            return float(weighted.sum() / divisor[0])


@dataclass(frozen=True)
class TrimmedMean(Estimator):
    """The mean of what is left when the smallest and the largest readings are cut off.

    Attributes
    ----------
    cut : float
        The share that is cut off at each end, rounded down to whole readings as in
        `scipy.stats.trim_mean`: 0 is the mean, 0.25 the interquartile mean.
    """

    cut: float

    @property
    def is_linear(self) -> bool:
        """Say whether nothing is cut off."""
        return self.cut == 0

    def kept(self, reached: Floats, total: Floats) -> Floats:
        """Return how many of the `reached` smallest readings are not cut off."""
        inside: Floats = np.clip(reached - np.floor(self.cut * total), 0, self.divisor(total))
        return inside

    def divisor(self, total: Floats) -> Floats:
        """Return how many readings are not cut off."""
        left: Floats = total - 2 * np.floor(self.cut * total)
        return left


@dataclass(frozen=True)
class Quantile(Estimator):
    """A quantile, by linear interpolation between order statistics (numpy's default).

    Attributes
    ----------
    share : float
        The share of the readings that lie below.
    """

    share: float

    def kept(self, reached: Floats, total: Floats) -> Floats:
        """Return the weight of the one or two readings at the quantile, as far as they are reached."""
        place = self.share * np.maximum(total - 1, 0)
        below = np.floor(place)
        beyond = place - below
        lower = np.clip(reached - below, 0, 1)
        upper = np.clip(reached - below - 1, 0, 1)
        quantiles: Floats = lower * (1 - beyond) + upper * beyond
        return quantiles

    def divisor(self, total: Floats) -> Floats:
        """Return 1."""
        return np.ones_like(total)


MEAN = TrimmedMean("mean", "mean", 0.0)
MEDIAN = Quantile("median", "median", 0.5)
TRIMMED_MEAN = TrimmedMean("trimmed_mean", "10 % trimmed mean", 0.1)
IQM = TrimmedMean("iqm", "interquartile mean", 0.25)

#: The estimators with a name of their own; `q05` to `q95` and the like are the quantiles.
ESTIMATORS: dict[str, Estimator] = {member.name: member for member in (MEAN, MEDIAN, TRIMMED_MEAN, IQM)}


def quantile(percent: int) -> Quantile:
    """Return the estimator of a quantile, from 0 (the smallest reading) to 100 (the largest)."""
    if not 0 <= percent <= 100:
        raise ValueError(f"a quantile of {percent} % does not exist: 0 to 100 do")
    return Quantile(f"q{percent:02d}", f"{percent} % quantile", percent / 100)


def estimator(name: str) -> Estimator:
    """Return the estimator that series files call `name`.

    Raises
    ------
    ValueError
        There is none; the message lists the names that there are.
    """
    if name in ESTIMATORS:
        return ESTIMATORS[name]
    if re.fullmatch(r"q(\d\d|100)", name):
        return quantile(int(name[1:]))
    near = difflib.get_close_matches(name, ESTIMATORS, 1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"there is no estimator {name!r}.{meant} Use {', '.join(ESTIMATORS)}, or a quantile from q00 to q100"
    )
