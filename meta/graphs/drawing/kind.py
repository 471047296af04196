"""The record of a kind of graph, the context of drawing, and functions that several kinds share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from meta.graphs.captions.estimates import drawn_sample_sizes
from meta.graphs.captions.phrases import pooled_size_text
from meta.graphs.data import csv_rows, per_value
from meta.graphs.data.csv_rows import Row
from meta.graphs.data.graph_data import GraphData, Line, Outside
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.parameter_axis import ParameterAxis
from meta.graphs.theme.layout import Page, PageSpec
from meta.graphs.theme.scales import Range
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.arrays import Floats

#: An entry of the legend: its handle and label.
LegendEntry = tuple[Artist, str]
#: The part of a category's slot that bars and boxes fill.
_FILLED = 0.8


@dataclass(frozen=True)
class DrawContext:
    """A graph with its data, while it is drawn.

    Attributes
    ----------
    plan : Plan
    data : GraphData
    axis : ParameterAxis or None
        Of graphs against a parameter.
    """

    plan: Plan
    data: GraphData
    axis: ParameterAxis | None

    @property
    def count(self) -> int:
        """How many lines there are; those of a category are drawn side by side."""
        return max((line.number for line in self.data.lines), default=0) + 1

    @property
    def x_axis(self) -> ParameterAxis:
        """The axis of a graph that is against a parameter."""
        if self.axis is None:
            raise ValueError(f"a {self.plan.rules.name} has no axis of a parameter")
        return self.axis

    @property
    def y_range(self) -> Range:
        """What has a place on the y axis."""
        return Range(self.plan.spec.scale.y, self.plan.spec.limits.y)

    @property
    def x_range(self) -> Range:
        """What has a place on the x axis, where it is that of a result."""
        return Range(self.plan.spec.scale.x, self.plan.spec.limits.x)

    def beside(self, line: Line) -> tuple[Floats, float]:
        """Return where the bars of a line stand, shape (points,), beside those of others, and their width."""
        width = _FILLED / self.count
        return self.x_axis.at(line.x) + (line.number - (self.count - 1) / 2) * width, width


def entry_per_line(
    handle: Callable[[Sequence[Line]], Artist],
    label: Callable[[Sequence[Line]], str] = lambda lines: lines[0].label,
) -> Callable[[DrawContext], list[LegendEntry]]:
    """Return a legend with an entry per line, empty where nothing distinguishes lines.

    Parameters
    ----------
    handle : callable
        Returns the handle of the lines of one number on all panels.
    label : callable
        Returns the text beside it, of lines that have a label.
    """

    def entries(context: DrawContext) -> list[LegendEntry]:
        by_number: dict[int, list[Line]] = {}
        for line in sorted(context.data.lines, key=lambda line: line.number):
            by_number.setdefault(line.number, []).append(line)
        return [(handle(lines), label(lines)) for lines in by_number.values() if lines[0].label]

    return entries


def area(lines: Sequence[Line]) -> Artist:
    """Return the legend handle of bars, boxes or other areas."""
    return Patch(**lines[0].style.fill)


def stroke(lines: Sequence[Line]) -> Artist:
    """Return the legend handle of a line without markers."""
    return Line2D([], [], **lines[0].style.stroke)


def marks(lines: Sequence[Line]) -> Artist:
    """Return the legend handle of points."""
    return Line2D([], [], **lines[0].style.marks)


def each_value(context: DrawContext) -> str:
    """Return the caption of a graph that shows each value."""
    return f"each reading of {pooled_size_text(drawn_sample_sizes(context.data))}."


@dataclass(frozen=True)
class Kind:
    """How a kind of graph is computed and drawn; by default estimates of a result against a parameter.

    Attributes
    ----------
    draw : callable
        Draws the lines of one panel.
    caption : callable
        Returns the caption.
    compute : callable
        Computes its data from plan and records.
    labels : callable
        Returns the labels of the x and the y axis.
    rows : callable
        Yields the numbers that are drawn, for `data.csv` of a report.
    limits : callable
        Sets scales and limits of the panels as asked for, and returns what they hide.
    warning : callable
        Returns what might mislead a reader.
    details : callable
        Returns sentences that stand beside the graph only.
    legend : callable
        Returns the entries of the legend.
    axis : callable
        Returns the axis of a parameter, or None where x is something else.
    page : callable
        Returns the needs of the page.
    draw_beside : callable
        Draws what all panels share, before the layout is settled.
    draw_texts : callable
        Writes texts that depend on the final size of the panels.
    """

    draw: Callable[[Axes, Sequence[Line], DrawContext], None]
    caption: Callable[[DrawContext], str]
    compute: Callable[[Plan, SeriesRecords], GraphData] = per_value.compute
    labels: Callable[[Plan], tuple[str, str]] = lambda plan: (plan.x, plan.y.axis_label())
    rows: Callable[[Plan, GraphData], Iterator[Row]] = csv_rows.estimates
    limits: Callable[[Sequence[Axes], DrawContext], Outside] = lambda _panels, _context: Outside()
    warning: Callable[[Plan], str] = lambda _plan: ""
    details: Callable[[DrawContext], list[str]] = lambda _context: []
    legend: Callable[[DrawContext], list[LegendEntry]] = lambda _context: []
    axis: Callable[[Plan], ParameterAxis | None] = lambda _plan: None
    page: Callable[[DrawContext], PageSpec] = lambda context: PageSpec(size=context.plan.spec.size)
    draw_beside: Callable[[Page, DrawContext], None] = lambda _page, _context: None
    draw_texts: Callable[[Page, DrawContext], None] = lambda _page, _context: None
