"""Strips: every reading of a result as a dot, per value of a parameter."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from meta.graphs.data.graph_data import Line
from meta.graphs.drawing.kind import DrawContext, each_value, entry_per_line
from meta.graphs.drawing.marks import draw_values
from meta.graphs.drawing.side_by_side import of_values


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one dot per reading; the lines of the figure are drawn side by side."""
    for line in lines:
        places, width = context.beside(line)
        for x, readings in zip(places, line.readings, strict=True):
            draw_values(axes, float(x), readings, line.style, width=width * 0.7, alpha=0.85)


def handle(lines: Sequence[Line]) -> Line2D:
    """Return the legend handle of a line's dots."""
    line_style = lines[0].style
    return Line2D([], [], **line_style.marks, markerfacecolor="none")


KIND = of_values(draw=draw, caption=each_value, legend=entry_per_line(handle))
