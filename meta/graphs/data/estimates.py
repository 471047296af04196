"""The estimate and its interval for each point of a line, computed from its readings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.series_file.sections.graph_kinds import rules_of
from experiments.series_file.sections.graphs import GraphSpec, IntervalName
from experiments.series_file.sections.tables import TableSpec
from meta.graphs.data.graph_data import Estimates, SampleSizes
from meta.records.errors import GraphError
from meta.statistics.estimators.arrays import Floats, Integers
from meta.statistics.estimators.location import MEAN, Estimator, Quantile, estimator
from meta.statistics.estimators.spread import spread
from meta.statistics.intervals.aggregate import Over, Way, aggregate
from meta.statistics.intervals.aggregate_curves import aggregate_curves
from meta.statistics.intervals.bootstrap import bootstrap_interval
from meta.statistics.intervals.exact import quantile_interval, rate_interval
from meta.statistics.intervals.resampling import Resampling

_LEVELS: dict[IntervalName, float] = {"quantiles": 0.5}
_LEVEL = 0.95


@dataclass(frozen=True)
class Aggregator:
    """The computation of an estimate and its interval from the readings of a point.

    Attributes
    ----------
    estimator : Estimator
    interval : str
        As in series files.
    level : float
    seed : int
        Of the bootstrap: the same graph of the same records is the same figure.
    shares_seeds : bool
        Whether a repetition has the same seed in all configurations, so that they are drawn together.
    """

    estimator: Estimator
    interval: IntervalName
    level: float
    seed: int
    shares_seeds: bool

    @classmethod
    def of(cls, spec: GraphSpec | TableSpec, *names: str, shares_seeds: bool) -> Aggregator:
        """Return the aggregator that a graph or a table requests; its seed is derived from `names`."""
        # An interval that the kind does not show is not computed.
        shows_none = isinstance(spec, GraphSpec) and "interval" not in rules_of(spec.kind).keys
        interval: IntervalName = "none" if shows_none else spec.interval
        level = spec.level or _LEVELS.get(interval, _LEVEL)
        digest = hashlib.sha256("\0".join(("bootstrap", *names)).encode()).digest()
        seed = int.from_bytes(digest[:8], "big")
        return cls(estimator(spec.estimator), interval, level, seed, shares_seeds)

    @property
    def resampling(self) -> Resampling:
        """The settings of the bootstrap."""
        return Resampling(self.seed, self.level, method="bca" if self.interval == "bca" else "percentile")

    @property
    def _way(self) -> Way:
        return "bca" if self.interval == "bca" else "percentile"

    def _strata(self, configurations: int) -> tuple[int, ...]:
        return (0,) * configurations if self.shares_seeds else tuple(range(configurations))

    def of_points(self, points: Sequence[Floats]) -> Estimates:
        """Return the estimate of each point.

        Parameters
        ----------
        points : sequence of ndarray, shape (repetitions, configurations)
            Per point, the readings of the configurations that are averaged over; NaN where a repetition has
            none, but each repetition and each configuration has one.
        """
        ends = np.full((3, len(points)), np.nan)
        alike: dict[int, list[int]] = {}
        for place, scores in enumerate(points):
            if scores.shape[1] > 1:
                part = self._of_scores(scores)
                ends[:, [place]] = part.estimate, part.low, part.high
            else:
                alike.setdefault(len(scores), []).append(place)
        # Points of equal length share their resamples, and one matrix product.
        for places in alike.values():
            part = self.of_columns(np.concatenate([points[place] for place in places], axis=1))
            ends[:, places] = part.estimate, part.low, part.high
        sizes = [np.isfinite(scores).sum(axis=0).tolist() for scores in points]
        return Estimates(ends[0], ends[1], ends[2], SampleSizes.of_points(sizes))

    def of_columns(self, readings: Floats) -> Estimates:
        """Return the estimate of each column of readings, shape (repetitions, columns)."""
        if self.interval in ("ci", "bca"):
            drawn = bootstrap_interval(readings, self.resampling, self.estimator)
            return Estimates(drawn.estimate, drawn.low, drawn.high, SampleSizes.of(drawn.count[None]))
        estimate = self.estimator.of(readings)
        count = np.isfinite(readings).sum(axis=0, dtype=np.int64)
        low, high = self._ends(readings, estimate)
        low, high = (np.where(count > 1, end, np.nan) for end in (low, high))
        return Estimates(estimate, low, high, SampleSizes.of(count[None]))

    def _ends(self, readings: Floats, estimate: Floats) -> tuple[Floats, Floats]:
        if self.interval in ("sd", "se"):
            deviations = spread(readings)
            reach = deviations.standard_deviation if self.interval == "sd" else deviations.standard_error
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
            interval = quantile_interval(readings, self.estimator, level=self.level)
            return interval.low, interval.high
        finite = np.isfinite(readings)
        if not np.isin(readings[finite], (0, 1)).all():
            raise GraphError(
                "interval: the mean has an exact one only where readings are 0 and 1 (or false and true); "
                "use ci or bca, or estimator: median"
            )
        rate = rate_interval(np.where(finite, readings, 0).sum(axis=0), finite.sum(axis=0), level=self.level)
        return rate.low, rate.high

    def _of_scores(self, scores: Floats) -> Estimates:
        """Return the estimate over several configurations, shape (repetitions, configurations)."""
        # A trimmed mean of a few task means would trim none of them.
        over: Over = "task means" if self.estimator.name in ("mean", "median") else "readings"
        sample_sizes = SampleSizes.of(np.isfinite(scores).sum(axis=0)[:, None])
        if self.interval == "none":
            averaged = MEAN.of(scores) if over == "task means" else scores.ravel()
            nothing = np.full(1, np.nan)
            return Estimates(self.estimator.of(averaged[:, None]), nothing, nothing, sample_sizes)
        ends = aggregate(
            scores,
            self.resampling,
            self.estimator,
            strata=self._strata(scores.shape[1]),
            over=over,
            interval=self._way,
        )
        return Estimates(np.array([ends.estimate]), np.array([ends.low]), np.array([ends.high]), sample_sizes)

    def of_curves(self, matrices: Sequence[Floats], repetitions: Sequence[Integers]) -> Estimates:
        """Return the mean at each step over the means of several configurations.

        Parameters
        ----------
        matrices : sequence of ndarray, shape (repetitions, steps)
            On the same steps; NaN where a repetition has no reading. Where a configuration has none, there
            is no estimate.
        repetitions : sequence of ndarray
            Which repetitions of each configuration the rows of its matrix are.
        """
        curve = aggregate_curves(
            matrices,
            self.resampling,
            repetitions=repetitions,
            strata=self._strata(len(matrices)),
            interval=None if self.interval == "none" else self._way,
        )
        sample_sizes = SampleSizes.of(np.array([np.isfinite(matrix).sum(axis=0) for matrix in matrices]))
        return Estimates(curve.estimate, curve.low, curve.high, sample_sizes)
