"""Points: an estimate of a result per value of a parameter with its interval, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from meta.graphs.data.graph_data import Line
from meta.graphs.drawing.kind import DrawContext, entry_per_line, marks
from meta.graphs.drawing.marks import draw_values, draw_whiskers, on_scale
from meta.graphs.drawing.side_by_side import of_estimates


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one dot with whiskers per point; the lines of the figure are drawn side by side."""
    for line in lines:
        x, width = context.beside(line)
        for place, readings in zip(x, line.readings if context.plan.spec.points else (), strict=False):
            draw_values(axes, float(place), readings, line.style, width=width * 0.5)
        draw_whiskers(axes, x, on_scale(line.interval, context.plan.spec.scale.y), color=line.style.color)
        axes.plot(x, line.interval.estimate, **line.style.marks, label=line.label)


KIND = of_estimates(draw=draw, legend=entry_per_line(marks))
