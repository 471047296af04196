"""Grouping and computing: from records and a plan to the numbers on each panel, still without any drawing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from meta.graphs.errors import GraphError
from meta.graphs.plan import Plan
from meta.graphs.records import CompletedExperiment, ConfigurationRecord, SeriesRecords
from meta.statistics.bootstrap import Interval, bootstrap_interval
from meta.statistics.curves import StepGrid
from meta.statistics.location import MEAN
from meta.statistics.quartiles import BoxSummary, box_summary
from meta.statistics.resampling import Resampling

Floats = NDArray[np.float64]

MAX_LINES = 24
MAX_PANELS = 16


@dataclass(frozen=True)
class Line:
    """What one entry of the legend stands for, on one panel.

    Attributes
    ----------
    label : str
    number : int
        Its place among the lines of the whole figure, which decides its colour and marks.
    x : ndarray, shape (points,)
        Steps, or places in the list of the x parameter's values.
    interval : Interval
        Of each point.
    boxes : sequence of BoxSummary
        Of each point; only of box plots.
    readings : sequence of ndarray
        The finite readings behind each point; not of curves.
    """

    label: str
    number: int
    x: Floats
    interval: Interval
    boxes: Sequence[BoxSummary] = ()
    readings: Sequence[Floats] = ()


@dataclass(frozen=True)
class Panel:
    """One set of axes: its title (None when there is only one) and its lines."""

    title: str | None
    lines: Sequence[Line]


@dataclass(frozen=True)
class Numbers:
    """All numbers of a graph.

    Attributes
    ----------
    panels : sequence of Panel
    without : int
        Completed experiments that do not have what is drawn.
    non_finite : int
        Readings left out because they are NaN or infinite.
    window : int
        How many consecutive steps each point of a curve averages over.
    """

    panels: Sequence[Panel]
    without: int = 0
    non_finite: int = 0
    window: int = 1


@dataclass(frozen=True)
class _Group:
    """The configurations of one line on one panel, in the order of x; of a curve only one."""

    panel: str | None
    line: str
    number: int
    members: list[ConfigurationRecord] = field(default_factory=list)

    def completed(self) -> list[CompletedExperiment]:
        return [experiment for member in self.members for experiment in member.completed]


def compute(plan: Plan, records: SeriesRecords) -> Numbers:
    """Compute everything that a graph shows.

    Raises
    ------
    GraphError
        There would be too many lines or panels, or nothing to draw.
    """
    groups = _groups(plan, records)
    seed = _seed(records.name, plan.reading)
    return _curves(plan, records, groups, seed) if plan.is_curve else _points(plan, groups, seed)


def _groups(plan: Plan, records: SeriesRecords) -> list[_Group]:
    """Return the groups by panel, then line; their members by x."""
    facets = [plan.facet] if plan.facet else []
    names = [*facets, *plan.hues, *([] if plan.is_curve else [plan.x])]
    by_line = sorted(records.configurations, key=lambda found: _places(plan, plan.hues, found))
    lines = dict.fromkeys(plan.line_label(found.parameters) for found in by_line)
    numbers = {label: number for number, label in enumerate(lines)}
    groups: dict[tuple[str | None, str], _Group] = {}
    for configuration in sorted(records.configurations, key=lambda found: _places(plan, names, found)):
        panel, line = plan.panel_title(configuration.parameters), plan.line_label(configuration.parameters)
        group = groups.setdefault((panel, line), _Group(panel, line, numbers[line]))
        group.members.append(configuration)
    _check_counts(plan, [panel for panel, _ in groups])
    return list(groups.values())


def _places(plan: Plan, names: Sequence[str], configuration: ConfigurationRecord) -> list[int]:
    return [plan.place(name, configuration.parameters) for name in names]


def _check_counts(plan: Plan, panels: Sequence[str | None]) -> None:
    distinct = dict.fromkeys(panels)
    if len(distinct) > MAX_PANELS:
        raise GraphError(
            f"{plan.facet!r} has {len(distinct)} values, and more than {MAX_PANELS} panels cannot be read; "
            "use another facet"
        )
    most = max((panels.count(panel) for panel in distinct), default=0)
    if most > MAX_LINES:
        raise GraphError(
            f"{most} lines in one panel cannot be told apart (at most {MAX_LINES}): configurations differ in "
            f"{', '.join(f'{name} ({len(plan.values[name])} values)' for name in plan.hues)}. {_advice(plan)}"
        )


def _advice(plan: Plan) -> str:
    """Return what makes fewer lines: naming a parameter as the hue does not."""
    by_size = sorted(plan.hues, key=lambda name: len(plan.values[name]), reverse=True)
    advice = []
    if plan.is_curve:
        advice.append(f"draw the last value against one of them (x: {by_size[0]})")
    facet = next((name for name in by_size if len(plan.values[name]) <= MAX_PANELS), None)
    if plan.facet is None and facet is not None:
        advice.append(f"make one of them the facet (facet: {facet})")
    advice.append("make a series of fewer configurations")
    text = ", or ".join(advice)
    return text[0].upper() + text[1:]


def _curves(plan: Plan, records: SeriesRecords, groups: Sequence[_Group], seed: int) -> Numbers:
    curves = records.curves[plan.reading]
    found = [
        [curves[experiment.id] for experiment in group.completed() if experiment.id in curves]
        for group in groups
    ]
    everything = [curve for some in found for curve in some]
    grid = StepGrid.covering(everything)
    panels = _Panels(groups)
    for group, some in zip(groups, found, strict=True):
        matrix = grid.matrix(some)
        keep = np.isfinite(matrix.readings).any(axis=0)
        if keep.any():
            interval = bootstrap_interval(matrix.readings[:, keep], Resampling(seed))
            panels.add(group, Line(group.line, group.number, matrix.steps[keep], interval))
    return Numbers(
        panels.all(),
        without=sum(len(group.completed()) for group in groups) - len(everything),
        non_finite=sum(int(np.count_nonzero(~np.isfinite(curve.readings))) for curve in everything),
        window=grid.window,
    )


def _points(plan: Plan, groups: Sequence[_Group], seed: int) -> Numbers:
    panels = _Panels(groups)
    without = non_finite = 0
    for group in groups:
        places: list[int] = []
        rows: list[Floats] = []
        for member in group.members:
            found = [number(experiment, plan.reading) for experiment in member.completed]
            there = np.array([one for one in found if one is not None], dtype=np.float64)
            finite = there[np.isfinite(there)]
            without += len(found) - len(there)
            non_finite += len(there) - len(finite)
            if len(finite):
                places.append(plan.place(plan.x, member.parameters))
                rows.append(finite)
        if rows:
            boxes = [box_summary(row) for row in rows] if plan.kind == "box" else []
            x = np.array(places, dtype=np.float64)
            panels.add(group, Line(group.line, group.number, x, _intervals(rows, seed), boxes, rows))
    return Numbers(panels.all(), without=without, non_finite=non_finite)


def number(experiment: CompletedExperiment, name: str) -> float | None:
    """Return a result as a number (true is 1), or None when it is missing or is none."""
    value = experiment.results.get(name)
    if not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer beyond the largest float
        return float("inf")


def _intervals(rows: Sequence[Floats], seed: int) -> Interval:
    """Return the interval of each row; rows of equal length share their drawings, and one product."""
    resampling = Resampling(seed)
    estimate, low, high = (np.empty(len(rows)) for _ in range(3))
    count = np.array([len(row) for row in rows], dtype=np.int64)
    for length in np.unique(count):
        places = np.flatnonzero(count == length).tolist()
        part = bootstrap_interval(np.stack([rows[place] for place in places], axis=1), resampling)
        estimate[places], low[places], high[places] = part.estimate, part.low, part.high
    return Interval(estimate, low, high, count, MEAN, resampling)


class _Panels:
    """The panels of a graph while lines are added to them."""

    def __init__(self, groups: Sequence[_Group]) -> None:
        self._lines: dict[str | None, list[Line]] = {group.panel: [] for group in groups}

    def add(self, group: _Group, line: Line) -> None:
        self._lines[group.panel].append(line)

    def all(self) -> list[Panel]:
        if not any(self._lines.values()):
            raise GraphError("no completed experiment has a finite reading of it: nothing to draw")
        return [Panel(title, lines) for title, lines in self._lines.items()]


def _seed(*names: str) -> int:
    """Return the seed of the drawings: the same graph of the same records is the same picture."""
    return int.from_bytes(hashlib.sha256("\0".join(("bootstrap", *names)).encode()).digest()[:8], "big")
