"""From readings to what is drawn of them: an estimate and its interval, for each point of a line."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.series_file.graphs import GraphSpec, IntervalName
from experiments.series_file.tables import TableSpec
from meta.graphs.errors import GraphError
from meta.graphs.numbers import Estimates, Floats
from meta.statistics.aggregate import Over, aggregate
from meta.statistics.bootstrap import bootstrap_interval
from meta.statistics.location import MEAN, Estimator, Quantile, estimator
from meta.statistics.order_statistics import quantile_interval
from meta.statistics.rates import rate_interval
from meta.statistics.resampling import Resampling
from meta.statistics.spread import spread
from meta.statistics.strata import stratified_interval

_LEVELS: dict[IntervalName, float] = {"quantiles": 0.5}
_LEVEL = 0.95
#: The kinds that show no interval: making one would only take time.
_WITHOUT_INTERVAL = frozenset({"box", "violin", "strip", "ecdf", "histogram", "heatmap"})


@dataclass(frozen=True)
class Measure:
    """What is computed of the readings behind a point.

    Attributes
    ----------
    estimator : Estimator
    interval : str
        As in series files.
    level : float
    seed : int
        Of the bootstrap's drawings: the same graph of the same records is the same picture.
    """

    estimator: Estimator
    interval: IntervalName
    level: float
    seed: int

    @classmethod
    def of(cls, spec: GraphSpec | TableSpec, *names: str) -> Measure:
        """Return what a graph or a table asks for; the seed follows from `names`."""
        shows_none = isinstance(spec, GraphSpec) and spec.kind in _WITHOUT_INTERVAL
        interval: IntervalName = "none" if shows_none else spec.interval
        level = spec.level or _LEVELS.get(interval, _LEVEL)
        digest = hashlib.sha256("\0".join(("bootstrap", *names)).encode()).digest()
        return cls(estimator(spec.estimator), interval, level, int.from_bytes(digest[:8], "big"))

    @property
    def resampling(self) -> Resampling:
        """How the bootstrap draws."""
        return Resampling(self.seed, self.level, method="bca" if self.interval == "bca" else "percentile")

    def of_points(self, points: Sequence[Sequence[Floats]]) -> Estimates:
        """Return the estimate of each point.

        Parameters
        ----------
        points : sequence of sequence of ndarray
            Per point, the readings of each configuration that is averaged over; none without a reading.
        """
        found = _Columns.empty([sum(map(len, strata)) for strata in points])
        # Points of equal length share their drawings, and one product.
        for length in np.unique(found.count):
            places = [
                place for place, strata in enumerate(points) if len(strata) == 1 and len(strata[0]) == length
            ]
            if places:
                readings = np.stack([points[place][0] for place in places], axis=1)
                found.set(places, self.of_columns(readings))
        for place, strata in enumerate(points):
            if len(strata) > 1:
                found.set([place], self._of_strata(strata))
        return found.estimates()

    def of_columns(self, readings: Floats) -> Estimates:
        """Return the estimate of each column of readings, shape (repetitions, columns)."""
        if self.interval in ("ci", "bca"):
            drawn = bootstrap_interval(readings, self.resampling, self.estimator)
            return Estimates(drawn.estimate, drawn.low, drawn.high, drawn.count)
        estimate = self.estimator.of(readings)
        count = np.isfinite(readings).sum(axis=0, dtype=np.int64)
        low, high = self._ends(readings, estimate)
        there = count > 1
        return Estimates(estimate, np.where(there, low, np.nan), np.where(there, high, np.nan), count)

    def _ends(self, readings: Floats, estimate: Floats) -> tuple[Floats, Floats]:
        if self.interval in ("sd", "se"):
            found = spread(readings)
            reach = found.standard_deviation if self.interval == "sd" else found.standard_error
            return estimate - reach, estimate + reach
        if self.interval == "quantiles":
            tails = (1 - self.level) / 2, (1 + self.level) / 2
            low, high = (Quantile("", "", share).of(readings) for share in tails)
            return low, high
        if self.interval == "exact":
            return self._exact_ends(readings)
        return np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)

    def _exact_ends(self, readings: Floats) -> tuple[Floats, Floats]:
        if isinstance(self.estimator, Quantile):
            found = quantile_interval(readings, self.estimator, level=self.level)
            return found.low, found.high
        finite = np.isfinite(readings)
        if not np.isin(readings[finite], (0, 1)).all():
            raise GraphError(
                "interval: the mean has an exact one only where readings are 0 and 1 (or false and true); "
                "use ci or bca, or estimator: median"
            )
        rate = rate_interval(np.where(finite, readings, 0).sum(axis=0), finite.sum(axis=0), level=self.level)
        return rate.low, rate.high

    def _of_strata(self, strata: Sequence[Floats]) -> Estimates:
        """Return the estimate over several configurations, each resampled by itself."""
        # A trimmed mean of a handful of means would trim none of them.
        over: Over = "task means" if self.estimator.name in ("mean", "median") else "readings"
        count = np.array([sum(map(len, strata))])
        if self.interval == "none":
            averaged = (
                [np.array([MEAN.of(one[:, None])[0] for one in strata])] if over == "task means" else strata
            )
            estimate = self.estimator.of(np.concatenate(averaged)[:, None])
            return Estimates(estimate, np.full(1, np.nan), np.full(1, np.nan), count)
        scores = np.full((max(map(len, strata)), len(strata)), np.nan)
        for column, readings in enumerate(strata):
            scores[: len(readings), column] = readings
        found = aggregate(scores, self.resampling, self.estimator, over=over)
        return Estimates(np.array([found.estimate]), np.array([found.low]), np.array([found.high]), count)

    def of_curves(self, matrices: Sequence[Floats]) -> Estimates:
        """Return the mean at each step over the means of several configurations.

        Parameters
        ----------
        matrices : sequence of ndarray, shape (repetitions, steps)
            On the same steps; NaN where a repetition has no reading. Where a configuration has none, there
            is no estimate.
        """
        present = [np.isfinite(matrix) for matrix in matrices]
        kept = [np.where(here, matrix, 0.0) for here, matrix in zip(present, matrices, strict=True)]
        sizes = tuple(map(len, matrices))
        starts = np.cumsum((0, *sizes))

        def mean(counts: Floats) -> Floats:
            total = np.zeros((len(counts), matrices[0].shape[1]))
            for start, here, some in zip(starts, present, kept, strict=False):
                drawn = counts[:, start : start + len(here)]
                weight = drawn @ here
                total += np.divide(drawn @ some, weight, out=np.full_like(total, np.nan), where=weight > 0)
            return total / len(matrices)

        count = np.concatenate(present).sum(axis=0, dtype=np.int64)
        if self.interval == "none":
            estimate = mean(np.ones((1, sum(sizes))))[0]
            return Estimates(estimate, np.full_like(estimate, np.nan), np.full_like(estimate, np.nan), count)
        found = stratified_interval(mean, sizes, self.resampling)
        return Estimates(found.estimate, found.low, found.high, count)


@dataclass(frozen=True)
class _Columns:
    """Estimates while they are filled in."""

    estimate: Floats
    low: Floats
    high: Floats
    count: NDArray[np.int64]

    @classmethod
    def empty(cls, counts: Sequence[int]) -> _Columns:
        estimate, low, high = np.full((3, len(counts)), np.nan)
        return cls(estimate, low, high, np.array(counts, dtype=np.int64))

    def set(self, places: Sequence[int], part: Estimates) -> None:
        self.estimate[places], self.low[places], self.high[places] = part.estimate, part.low, part.high

    def estimates(self) -> Estimates:
        return Estimates(self.estimate, self.low, self.high, self.count)
