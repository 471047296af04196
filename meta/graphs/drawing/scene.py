"""What kinds of graphs need to know of the figure while they draw a panel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from meta.graphs.data.csv_rows import Row
from meta.graphs.data.graph_data import Line, Numbers
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.parameter_axis import ParameterAxis
from meta.records.series_records import SeriesRecords


@dataclass(frozen=True)
class Scene:
    """A figure whose numbers are known.

    Attributes
    ----------
    plan : Plan
    numbers : Numbers
    axis : ParameterAxis or None
        Of graphs against a parameter.
    count : int
        How many lines there are; those of one category stand beside each other.
    """

    plan: Plan
    numbers: Numbers
    axis: ParameterAxis | None
    count: int

    @property
    def places(self) -> ParameterAxis:
        """The axis of a graph that is against a parameter."""
        if self.axis is None:
            raise ValueError(f"a {self.plan.kind} has no axis of a parameter")
        return self.axis


@dataclass(frozen=True)
class Kind:
    """What a kind of graph consists of.

    Attributes
    ----------
    compute : callable
        From plan and records to numbers.
    draw : callable
        Draws the lines of one panel.
    handle : callable or None
        Returns what stands in the legend for some lines, which are one on several panels.
    labels : callable
        Returns what stands at the x and the y axis.
    rows : callable
        Returns the numbers that are drawn, for `data.csv` of a report.
    slots : bool
        Whether the lines of a category stand beside each other and need their width.
    """

    compute: Callable[[Plan, SeriesRecords], Numbers]
    draw: Callable[[Axes, Sequence[Line], Scene], None]
    handle: Callable[[Sequence[Line]], Artist] | None
    labels: Callable[[Plan], tuple[str, str]]
    rows: Callable[[Plan, Numbers], Iterator[Row]]
    slots: bool = False


def against_parameter(plan: Plan) -> tuple[str, str]:
    """Return the labels of a graph of a result against a parameter, or a metric over its steps."""
    return plan.x, plan.y.axis_label()
