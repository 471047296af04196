"""The data of a graph: everything that is computed before it is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.series_file.sections.graphs import ScaleName
from meta.graphs.data.curve_ends import EarlyEnd, UndrawnSteps
from meta.graphs.data.skewed import Skewed
from meta.records.readings import NAN, NO_RESULT, OWN_FAILURES, Point, Runs, missing_of
from meta.statistics.comparisons.ranking import Groups, Ranking
from meta.statistics.estimators.arrays import Floats, Integers
from meta.statistics.estimators.curves import CurveMatrix
from meta.statistics.intervals.rule import Methods, no_methods

if TYPE_CHECKING:  # tables use the numbers without styles, and do not import matplotlib
    from meta.graphs.theme.style import LineStyle


NOTHING_TO_SHOW = "Nothing to show"
#: So many configurations that a point lacks are named; the others are counted.
_MOST_LACKING = 3


@dataclass(frozen=True)
class SampleSizes:
    """Sample sizes: how many values each point is computed from.

    Attributes
    ----------
    count : ndarray of int, shape (points,)
        The readings of all configurations together.
    fewest, most : ndarray of int, shape (points,)
        The repetitions of the configuration that has the fewest, and of that with the most.
    configurations : ndarray of int, shape (points,)
        How many configurations have a reading: 1, unless they are averaged or pooled.
    """

    count: Integers
    fewest: Integers
    most: Integers
    configurations: Integers

    @classmethod
    def of(cls, sizes: Integers) -> SampleSizes:
        """Return the sample sizes of points; `sizes`, shape (configurations, points), has 0 for no value."""
        least = np.where(sizes > 0, sizes, np.iinfo(np.int64).max).min(axis=0)
        configurations = np.count_nonzero(sizes, axis=0)
        return cls(sizes.sum(axis=0), np.where(configurations, least, 0), sizes.max(axis=0), configurations)

    @classmethod
    def of_points(cls, sizes: Iterable[Sequence[int]]) -> SampleSizes:
        """Return the sample sizes of points from the repetitions of the configurations of each."""
        # Points may be many, and their configurations are few: lists are faster.
        points = [[size for size in point if size] for point in sizes]
        rows = [(sum(point), min(point, default=0), max(point, default=0), len(point)) for point in points]
        return cls(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)

    @classmethod
    def joined(cls, several: Sequence[SampleSizes]) -> SampleSizes:
        """Return the sample sizes of all points of `several`, concatenated."""
        if not several:
            return cls.of_points([])
        parts = zip(*(vars(part).values() for part in several), strict=True)
        return cls(*(np.concatenate(arrays) for arrays in parts))

    def where(self, wanted: Integers | NDArray[np.bool_]) -> SampleSizes:
        """Return the sample sizes of some of the points, by their indices or a mask."""
        return SampleSizes(*(sizes[wanted] for sizes in vars(self).values()))


@dataclass(frozen=True)
class Estimates:
    """The estimate of each point and its interval.

    Attributes
    ----------
    estimate : ndarray, shape (points,)
    low, high : ndarray, shape (points,)
        NaN where there is no interval.
    sample_sizes : SampleSizes
        How many readings each is computed from.
    method : ndarray of str, shape (points,)
        How the interval was made; see `meta.statistics.intervals.rule.Method`.
    left_out : ndarray of int, shape (points,)
        How many repetitions the interval does not use, as they lack a configuration that is averaged over.
    """

    estimate: Floats
    low: Floats
    high: Floats
    sample_sizes: SampleSizes
    method: Methods
    left_out: Integers

    @classmethod
    def without_intervals(cls, estimate: Floats, sample_sizes: SampleSizes) -> Estimates:
        """Return estimates that have no interval."""
        nothing = np.full_like(estimate, np.nan)
        count = len(estimate)
        return cls(estimate, nothing, nothing, sample_sizes, no_methods(count), np.zeros(count, np.int64))

    @classmethod
    def joined(cls, several: Sequence[Estimates]) -> Estimates:
        """Return the estimates of all points of `several`, concatenated."""
        if not several:
            return cls.without_intervals(np.empty(0), SampleSizes.joined([]))
        return cls(
            np.concatenate([part.estimate for part in several]),
            np.concatenate([part.low for part in several]),
            np.concatenate([part.high for part in several]),
            SampleSizes.joined([part.sample_sizes for part in several]),
            np.concatenate([part.method for part in several]),
            np.concatenate([part.left_out for part in several]),
        )

    def at(self, places: Integers | NDArray[np.bool_]) -> Estimates:
        """Return the estimates of some of the points, by their indices or a mask."""
        return Estimates(
            self.estimate[places],
            self.low[places],
            self.high[places],
            self.sample_sizes.where(places),
            self.method[places],
            self.left_out[places],
        )

    @property
    def count(self) -> Integers:
        """How many readings each is computed from, shape (points,)."""
        return self.sample_sizes.count


@dataclass(frozen=True)
class Line:
    """The data of one entry of the legend, on one panel.

    Attributes
    ----------
    label : str
    number : int
        Its place among the lines of the whole figure.
    style : LineStyle
    x : ndarray, shape (points,)
        Steps, seconds, or places in the list of the x parameter's values.
    interval : Estimates
        Of each point.
    across : Estimates or None
        Of each point of a scatter graph, along its x axis.
    readings : sequence of ndarray
        The finite readings behind each point; not of curves.
    runs : sequence of CurveMatrix
        Of a curve the first repetitions, one matrix per configuration; where they are asked for.
    parameters : mapping of str to object
        The parameters in its label and in its panel's title, without absent ones.
    settings : sequence of mapping
        The parameters that distinguish each point from the others of the line, without absent ones; not of
        curves.
    early : EarlyEnd or None
        Of a curve of which repetitions end before its last step.
    undrawn : UndrawnSteps or None
        Where a curve is not drawn, as a configuration has no value there.
    skewed : Skewed or None
        Of estimates with t intervals.
    never : int
        How many experiments of an ecdf never reached a reading, although they count.
    until : float or None
        Up to which x an ecdf is known, if not to its end.
    """

    label: str
    number: int
    style: LineStyle
    x: Floats
    interval: Estimates
    across: Estimates | None = None
    readings: Sequence[Floats] = ()
    runs: Sequence[CurveMatrix] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    settings: Sequence[Mapping[str, Any]] = ()
    early: EarlyEnd | None = None
    undrawn: UndrawnSteps | None = None
    skewed: Skewed | None = None
    never: int = 0
    until: float | None = None


@dataclass(frozen=True)
class Panel:
    """One set of axes: its place, its title (None when there is only one) and its lines."""

    title: str | None
    lines: Sequence[Line]
    row: int = 0
    column: int = 0


@dataclass(frozen=True)
class Ranked:
    """Methods with their ranks; `counts` has the number of readings of each score."""

    methods: Sequence[str]
    ranking: Ranking
    groups: Groups
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Timeline:
    """Attempts against time.

    Attributes
    ----------
    workers : sequence of str
        The labels of the rows.
    spans : ndarray, shape (attempts, 3)
        The row, and start and end in seconds since the first start.
    outcomes : ndarray of str, shape (attempts,)
        How each attempt ended, or ``running``.
    hosts : int
    """

    workers: Sequence[str]
    spans: Floats
    outcomes: NDArray[np.str_]
    hosts: int

    @property
    def length_s(self) -> float:
        """From the first start to the last end."""
        return float(self.spans[:, 2].max())

    def of(self, outcome: str) -> Floats:
        """Return the spans of one outcome."""
        found: Floats = self.spans[self.outcomes == outcome]
        return found


@dataclass(frozen=True)
class Coverage:
    """Which experiments a point or a curve shows, and how many it lacks, for the caption.

    Attributes
    ----------
    label : str
    drawn : int
        How many experiments are shown, or counted where one that never reached a reading counts.
    missing : mapping of str to int
        How many are not, by outcome or status.
    without : int
        How many completed experiments do not have the drawn result or metric.
    non_finite : int
        How many readings are left out because they are NaN or infinite.
    texts : mapping of str to int
        How many completed experiments have what in place of a number.
    readings : int
        How many experiments have a finite reading, drawn or not.
    configurations : int
        How many configurations have one.
    lacking : sequence of str
        The configurations that have none, although others have: where configurations are averaged, the point
        is not drawn; where readings are pooled, it is drawn without these.
    never, not_run : mapping of str to int
        Where never counts: how many experiments never reached a reading, by the reason, and how many do not
        count as they did not run to an end of their own.
    from_start : int
        Where never counts: how many reached it from the start.
    is_never : bool
        Whether that is true of its number, or of all its experiments: it never reached a reading.
    """

    label: str
    drawn: int
    missing: Mapping[str, int] = field(default_factory=dict)
    without: int = 0
    non_finite: int = 0
    texts: Mapping[str, int] = field(default_factory=dict)
    readings: int = 0
    configurations: int = 1
    lacking: Sequence[str] = ()
    never: Mapping[str, int] = field(default_factory=dict)
    not_run: Mapping[str, int] = field(default_factory=dict)
    from_start: int = 0
    is_never: bool = False

    @classmethod
    def of(cls, label: str, point: Point, names: Sequence[str], *, is_drawn: bool) -> Coverage:
        """Return what the point of a graph shows; `names` are the labels of its configurations."""
        count = len(point.readings)
        has_none = [name for name, size in zip(names, point.sizes, strict=True) if not size]
        return cls(
            label,
            count if is_drawn else 0,
            missing_of(point.members),
            without=point.without,
            non_finite=point.non_finite,
            texts=point.texts,
            readings=count,
            configurations=len(names) - len(has_none),
            lacking=has_none if count else (),
        )

    @classmethod
    def of_runs(cls, label: str, point: Point, names: Sequence[str], runs: Runs) -> Coverage:
        """Return what the point of a graph shows that counts experiments which never reached a reading."""
        count = sum(runs.sizes)
        has_none = [name for name, size in zip(names, runs.sizes, strict=True) if not size]
        ends = {end: number for end, number in runs.left_out.items() if end in OWN_FAILURES}
        return cls(
            label,
            count,
            ends,
            without=runs.left_out[NO_RESULT],
            non_finite=runs.left_out[NAN],
            texts=point.texts,
            readings=len(point.readings),
            configurations=len(names) - len(has_none),
            lacking=has_none if count else (),
            never=runs.never,
            not_run=runs.not_run,
            from_start=runs.from_start,
            is_never=0 < count == runs.never.total(),
        )

    @property
    def lacking_label(self) -> str:
        """Its label, with the configurations that have no finite reading: ``x=b (task=2)``."""
        shown = ", ".join(self.lacking[:_MOST_LACKING])
        more = len(self.lacking) - _MOST_LACKING
        return f"{self.label or 'all'} ({shown}{f' and {more:,} more' if more > 0 else ''})"


@dataclass(frozen=True)
class Outside:
    """How much of the data cannot be shown on the scales, or lies outside of the limits.

    Attributes
    ----------
    unplaced : mapping of str to ndarray
        By scale, the values that have no place on it: estimates, and readings where they are drawn. Of a
        point without a place on either axis that along x.
    points : int
        Those that have a place, but outside of the limits.
    intervals : int
        Those of points that are drawn, with an end outside.
    cells : int
        Of a heatmap, beyond the ends of the colour scale.
    """

    unplaced: Mapping[ScaleName, Floats] = field(default_factory=dict)
    points: int = 0
    intervals: int = 0
    cells: int = 0


@dataclass(frozen=True)
class GraphData:
    """All data of a graph.

    Attributes
    ----------
    panels : sequence of Panel
    coverage : sequence of Coverage
        All requested points and curves, also those with nothing to draw.
    window : int
        How many consecutive steps each point of a curve averages over.
    ranked : Ranked or None
        Of a ranking.
    timeline : Timeline or None
        Of a time line.
    without_readings, never : str
        How the note begins to speak of points without a finite reading (of methods a point is a score), and
        of those that never reached one although they count.
    """

    panels: Sequence[Panel]
    coverage: Sequence[Coverage] = ()
    window: int = 1
    ranked: Ranked | None = None
    timeline: Timeline | None = None
    without_readings: str = NOTHING_TO_SHOW
    never: str = "Never reached"

    @property
    def lines(self) -> list[Line]:
        """All lines of all panels."""
        return [line for panel in self.panels for line in panel.lines]
