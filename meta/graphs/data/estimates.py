"""The estimate and its interval for each point of a line, computed from its readings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments.series_file.models import MetricSection, ResampledSection
from experiments.series_file.sections.graph_kinds import rules_of
from experiments.series_file.sections.graphs import GraphSpec, IntervalName, ScaleName
from experiments.series_file.sections.tables import TableSpec
from meta.graphs.data.graph_data import Estimates, SampleSizes
from meta.records.dependence import Dependence, dependence_of
from meta.records.errors import GraphError
from meta.records.measures import Measure
from meta.records.series_records import ConfigurationRecord, SeriesRecords
from meta.records.splits import split_ratios
from meta.statistics.estimators.arrays import Floats, Integers
from meta.statistics.estimators.location import MEAN, Estimator, Quantile, estimator
from meta.statistics.estimators.spread import spread
from meta.statistics.intervals import rule
from meta.statistics.intervals.aggregate import Over, Way, aggregate
from meta.statistics.intervals.aggregate_curves import aggregate_curves
from meta.statistics.intervals.bootstrap import bootstrap_interval
from meta.statistics.intervals.resampling import Method as Drawings
from meta.statistics.intervals.resampling import Resampling
from meta.statistics.intervals.rule import Intervals, Known, Method, confidence_interval
from meta.statistics.intervals.student import Bounds

_LEVELS: dict[IntervalName, float] = {"quantiles": 0.5}
_LEVEL = 0.95
#: The intervals between quantiles of drawings.
_DRAWN: dict[IntervalName, tuple[Drawings, Method]] = {
    "percentile": ("percentile", Method.PERCENTILE),
    "expanded": ("expanded", Method.EXPANDED),
    "bca": ("bca", Method.BCA),
}


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
    known : Known
        What is known of the result that is estimated.
    dependence : Dependence
        Which repetitions of different configurations belong together.
    resampled : ResampledSection or None
        Sizes of test and training sets, where repetitions are splits of one data set.
    bounds_of_scale : bool
        Whether the bounds are those of the axis, as the file gives none.
    """

    estimator: Estimator
    interval: IntervalName
    level: float
    seed: int
    known: Known
    dependence: Dependence
    resampled: ResampledSection | None
    bounds_of_scale: bool

    @classmethod
    def of(
        cls, spec: GraphSpec | TableSpec, records: SeriesRecords, key: str, label: MetricSection
    ) -> Aggregator:
        """Return the aggregator that a graph or a table of the result called `key` requests.

        Raises
        ------
        GraphError
            Seeds differ between the configurations that are to be paired.
        """
        # An interval that the kind does not show is not computed.
        shows_none = isinstance(spec, GraphSpec) and "interval" not in rules_of(spec.kind).keys
        interval: IntervalName = "none" if shows_none else spec.interval
        level = spec.level or _LEVELS.get(interval, _LEVEL)
        digest = hashlib.sha256("\0".join(("bootstrap", records.name, key)).encode()).digest()
        seed = int.from_bytes(digest[:8], "big")
        measure = records.measure(key)
        scale = spec.scale.y if isinstance(spec, GraphSpec) else None
        of_scale = _bounds_of(scale, measure) if label.bounds is None else None
        dependence = dependence_of(records, paired=spec.paired, strata=spec.strata)
        return cls(
            estimator(spec.estimator),
            interval,
            level,
            seed,
            Known(measure.is_rate, label.bounds or of_scale),
            dependence,
            records.analysis.resampled,
            of_scale is not None,
        )

    def about(self, records: SeriesRecords, key: str, label: MetricSection) -> Aggregator:
        """Return the aggregator of another result of the same experiments."""
        known = Known(records.measure(key).is_rate, label.bounds)
        return replace(self, known=known, bounds_of_scale=False)

    @property
    def resampling(self) -> Resampling:
        """The settings of the bootstrap."""
        return Resampling(self.seed, self.level, method=_DRAWN.get(self.interval, ("percentile",))[0])

    def of_points(
        self, points: Sequence[Floats], members: Sequence[Sequence[ConfigurationRecord]]
    ) -> Estimates:
        """Return the estimate of each point.

        Parameters
        ----------
        points : sequence of ndarray, shape (repetitions, configurations)
            Per point, the readings of the configurations that are averaged over; NaN where a repetition has
            none, but each repetition and each configuration has one.
        members : sequence of sequence of ConfigurationRecord
            These configurations.
        """
        parts: list[tuple[list[int], Estimates]] = []
        alike: dict[int, list[int]] = {}
        for place, scores in enumerate(points):
            if scores.shape[1] > 1:
                parts.append(([place], self._of_scores(scores, members[place])))
            else:
                alike.setdefault(len(scores), []).append(place)
        # Points of equal length share their resamples, and one matrix product.
        for places in alike.values():
            readings = np.concatenate([points[place] for place in places], axis=1)
            parts.append((places, self.of_columns(readings, [members[place][0] for place in places])))
        order = np.argsort([place for places, _ in parts for place in places])
        joined = Estimates.joined([part for _, part in parts]).at(order)
        sizes = [np.isfinite(scores).sum(axis=0).tolist() for scores in points]
        return replace(joined, sample_sizes=SampleSizes.of_points(sizes))

    def of_columns(self, readings: Floats, members: Sequence[ConfigurationRecord]) -> Estimates:
        """Return the estimate of each column of readings, shape (repetitions, columns).

        Parameters
        ----------
        readings : ndarray, shape (repetitions, columns)
        members : sequence of ConfigurationRecord
            The configuration of each column; a single one is that of all of them.
        """
        ratio: float | Floats = 0.0
        if self.resampled is not None and self.interval != "none":
            ratio = np.broadcast_to(split_ratios(self.resampled, members), readings.shape[1:])
        found = self._intervals(readings, replace(self.known, ratio=ratio))
        sample_sizes = SampleSizes.of(found.count[None])
        all_used = np.zeros_like(found.count)
        return Estimates(found.estimate, found.low, found.high, sample_sizes, found.method, all_used)

    def _intervals(self, readings: Floats, known: Known) -> Intervals:
        if self.interval == "ci":
            return confidence_interval(readings, self.resampling, self.estimator, known)
        if self.interval == "t":
            return rule.student_interval(readings, self.level, known)
        if self.interval == "exact":
            return self._exact(readings)
        if self.interval in _DRAWN:
            drawn = bootstrap_interval(readings, self.resampling, self.estimator)
            estimate, low, high, method = drawn.estimate, drawn.low, drawn.high, _DRAWN[self.interval][1]
        else:
            estimate = self.estimator.of(readings)
            low, high, method = self._spread(readings, estimate)
        count = np.isfinite(readings).sum(axis=0, dtype=np.int64)
        methods = rule.no_methods(len(count))
        methods[count > 1] = method
        low, high = (np.where(count > 1, end, np.nan) for end in (low, high))
        return Intervals(estimate, low, high, count, methods)

    def _spread(self, readings: Floats, estimate: Floats) -> tuple[Floats, Floats, Method]:
        if self.interval in ("sd", "se"):
            deviations = spread(readings)
            if self.interval == "sd":
                reach, method = deviations.standard_deviation, Method.SD
            else:
                reach, method = deviations.standard_error, Method.SE
            return estimate - reach, estimate + reach, method
        if self.interval == "quantiles":
            tails = (1 - self.level) / 2, (1 + self.level) / 2
            low, high = (Quantile("", "", share).of(readings) for share in tails)
            return low, high, Method.QUANTILES
        return np.full_like(estimate, np.nan), np.full_like(estimate, np.nan), Method.NONE

    def _exact(self, readings: Floats) -> Intervals:
        if isinstance(self.estimator, Quantile):
            return confidence_interval(readings, self.resampling, self.estimator)
        if not np.isin(readings[np.isfinite(readings)], (0, 1)).all():
            raise GraphError(
                "interval: the mean has an exact one only where readings are 0 and 1 (or false and true); "
                "use ci, or estimator: median"
            )
        return rule.exact_rate(readings, self.level)

    def _of_scores(self, scores: Floats, members: Sequence[ConfigurationRecord]) -> Estimates:
        """Return the estimate over several configurations, shape (repetitions, configurations)."""
        # A trimmed mean of a few task means would trim none of them.
        over: Over = "task means" if self.estimator.name in ("mean", "median") else "readings"
        sample_sizes = SampleSizes.of(np.isfinite(scores).sum(axis=0)[:, None])
        if self.interval == "none":
            averaged = MEAN.of(scores) if over == "task means" else scores.ravel()
            return Estimates.without_intervals(self.estimator.of(averaged[:, None]), sample_sizes)
        ends = aggregate(
            scores,
            self.resampling,
            self.estimator,
            over=over,
            strata=self.dependence.labels(members),
            interval=self._of_aggregates,
            bounds=self.known.bounds,
            ratios=split_ratios(self.resampled, members),
        )
        estimate, low, high = (np.array([number]) for number in (ends.estimate, ends.low, ends.high))
        methods = rule.no_methods(1)
        methods[:] = ends.method
        return Estimates(estimate, low, high, sample_sizes, methods, np.array([ends.left_out]))

    def of_curves(
        self,
        matrices: Sequence[Floats],
        repetitions: Sequence[Integers],
        members: Sequence[ConfigurationRecord],
    ) -> Estimates:
        """Return the mean at each step over the means of several configurations.

        Parameters
        ----------
        matrices : sequence of ndarray, shape (repetitions, steps)
            On the same steps; NaN where a repetition has no reading. Where a configuration has none, there
            is no estimate.
        repetitions : sequence of ndarray
            Which repetitions of each configuration the rows of its matrix are.
        members : sequence of ConfigurationRecord
        """
        curve = aggregate_curves(
            matrices,
            self.resampling,
            repetitions=repetitions,
            strata=self.dependence.labels(members),
            interval=None if self.interval == "none" else self._of_aggregates,
            bounds=self.known.bounds,
            ratios=split_ratios(self.resampled, members),
        )
        sample_sizes = SampleSizes.of(np.array([np.isfinite(matrix).sum(axis=0) for matrix in matrices]))
        return Estimates(curve.estimate, curve.low, curve.high, sample_sizes, curve.method, curve.left_out)

    @property
    def _of_aggregates(self) -> Way:
        """How intervals over several configurations are made."""
        return self.interval if self.interval in ("percentile", "bca") else "rule"


def _bounds_of(scale: ScaleName | None, measure: Measure) -> Bounds | None:
    """Return the bounds of what has a place on the scale, where all readings of the series have one."""
    if scale == "log" and measure.low >= 0:
        return 0.0, None
    if scale == "logit" and measure.low >= 0 and measure.high <= 1:
        return 0.0, 1.0
    return None
