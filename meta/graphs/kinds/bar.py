"""Bars: an estimate of a result per value of a parameter, with its interval as whiskers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from meta.graphs.data.graph_data import Line
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.axis_limits import limit_estimates
from meta.graphs.drawing.kind import DrawContext, area, entry_per_line
from meta.graphs.drawing.marks import draw_values, draw_whiskers, on_scale
from meta.graphs.drawing.side_by_side import side_by_side, whiskers
from meta.graphs.theme import style


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one bar per point; the lines of the figure are drawn side by side."""
    for line in lines:
        offset, width = context.x_axis.slot(line.number, context.count)
        x = context.x_axis.at(line.x) + offset
        axes.bar(x, line.interval.estimate, width * 0.92, label=line.label, **line.style.fill)
        for place, readings in zip(x, line.readings if context.plan.spec.points else (), strict=False):
            draw_values(axes, float(place), readings, line.style, width=width * 0.5)
        draw_whiskers(axes, x, on_scale(line.interval, context.plan.spec.scale.y), color=style.text_color())


def warning(plan: Plan) -> str:
    """Return a warning where bars do not start at 0."""
    low = (plan.spec.limits.y or (None, None))[0]
    is_cut = (low or 0) > 0 or plan.spec.scale.y in ("log", "logit")
    return "Bars do not start at 0: their lengths do not compare." if is_cut else ""


KIND = side_by_side(
    draw=draw,
    caption=whiskers,
    warning=warning,
    limits=limit_estimates,
    legend=entry_per_line(area),
)
