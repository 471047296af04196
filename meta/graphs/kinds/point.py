"""Points: an estimate of a result per value of a parameter with its interval, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from meta.graphs.data.graph_data import Line
from meta.graphs.drawing.kind import DrawContext, entry_per_line, marks
from meta.graphs.drawing.marks import draw_marked, draw_whiskers, on_scale
from meta.graphs.drawing.side_by_side import of_estimates


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one dot with whiskers per point; the lines of the figure are drawn side by side."""
    for line in lines:
        x, width = context.beside(line)
        draw_marked(axes, x, line, context.plan, width=width * 0.5)
        interval = on_scale(line.interval, context.y_range.scale)
        draw_whiskers(axes, x, interval, color=line.style.color, shown=context.y_range)
        axes.plot(x, line.interval.estimate, **line.style.marks, label=line.label)


KIND = of_estimates(draw=draw, legend=entry_per_line(marks))
