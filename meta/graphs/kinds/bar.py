"""Bars: an estimate of a result per value of a parameter, with its interval as whiskers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from meta.graphs.data.graph_data import Line
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.kind import DrawContext, area, entry_per_line
from meta.graphs.drawing.marks import draw_marked, draw_whiskers, on_scale
from meta.graphs.drawing.side_by_side import of_estimates
from meta.graphs.theme import style


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one bar per point; the lines of the figure are drawn side by side."""
    for line in lines:
        x, width = context.beside(line)
        axes.bar(x, line.interval.estimate, width * 0.92, label=line.label, **line.style.fill)
        draw_marked(axes, x, line, context.plan, width=width * 0.5)
        interval = on_scale(line.interval, context.y_range.scale)
        draw_whiskers(axes, x, interval, color=style.text_color(), shown=context.y_range)


def warning(plan: Plan) -> str:
    """Return a warning where bars do not start at 0."""
    low = (plan.spec.limits.y or (None, None))[0]
    is_cut = (low or 0) > 0 or plan.spec.scale.y in ("log", "logit")
    return "Bars do not start at 0: their lengths do not compare." if is_cut else ""


KIND = of_estimates(draw=draw, warning=warning, legend=entry_per_line(area))
