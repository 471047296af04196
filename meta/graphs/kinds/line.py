"""Lines: an estimate of a result against a parameter, with its interval as band or whiskers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from meta.graphs.captions.estimates import estimates_text, values_text
from meta.graphs.data.graph_data import Line
from meta.graphs.drawing.axis_limits import limit_estimates
from meta.graphs.drawing.kind import DrawContext, Kind, entry_per_line
from meta.graphs.drawing.marks import band_or_whiskers, draw_band, draw_marked, draw_whiskers, on_scale
from meta.graphs.drawing.parameter_axis import ParameterAxis

#: The distance of lines at the same category, so that their whiskers do not overlap.
_DODGE = 0.4


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one line per entry of the legend, with a band on a numeric axis and whiskers on categories.

    On categories the points of different lines are a little offset.
    """
    for line in lines:
        x = context.x_axis.at(line.x)
        interval = on_scale(line.interval, context.y_range.scale)
        if context.x_axis.is_numeric:
            draw_band(axes, x, interval, color=line.style.color, shown=context.y_range)
        else:
            x = x + _DODGE * ((line.number + 0.5) / context.count - 0.5)
            draw_whiskers(axes, x, interval, color=line.style.color, shown=context.y_range)
        draw_marked(axes, x, line, context.plan)
        axes.plot(x, interval.estimate, **line.style.stroke, marker=line.style.marker, label=line.label)


def handle(lines: Sequence[Line]) -> Line2D:
    """Return the legend handle of a line."""
    line_style = lines[0].style
    return Line2D([], [], **line_style.stroke, marker=line_style.marker)


def caption(context: DrawContext) -> str:
    """Return the caption."""
    plan, data = context.plan, context.data
    mark = band_or_whiskers(data.lines, plan.spec.scale.y) if context.x_axis.is_numeric else "whiskers"
    return estimates_text(plan, data, mark=mark) + values_text(plan, data)


KIND = Kind(
    draw=draw,
    caption=caption,
    limits=limit_estimates,
    legend=entry_per_line(handle),
    axis=lambda plan: ParameterAxis.of(plan.values[plan.x], numeric=True, scale=plan.spec.scale.x),
)
