"""Scatter graphs: one result against another, a point per configuration, and the Pareto front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from meta.graphs.captions.estimates import estimates_text, values_text
from meta.graphs.captions.intervals import describe, drawn_estimates
from meta.graphs.data import csv_rows
from meta.graphs.data.csv_rows import Row
from meta.graphs.data.graph_data import Estimates, GraphData, Line, Outside
from meta.graphs.data.per_value import marked
from meta.graphs.data.plan import Plan, Variable
from meta.graphs.drawing.axis_limits import Along, apply_limits
from meta.graphs.drawing.kind import DrawContext, Kind, LegendEntry, entry_per_line, marks
from meta.graphs.drawing.marks import draw_whiskers, on_scale
from meta.graphs.theme import scales, style
from meta.statistics.estimators.arrays import Floats

Goal = Literal["max", "min"]

#: Of whiskers, which cross each other where configurations are many.
_ALPHA = 0.5
#: What the front is called in the legend.
FRONT = "Pareto front"


def _across(plan: Plan) -> Variable:
    if plan.across is None:
        raise ValueError("a scatter graph has a result as its x")
    return plan.across


def pareto_front(points: Floats, goals: tuple[Goal, Goal]) -> Floats:
    """Return the points to which no other is better in one result and at least as good in the other.

    Parameters
    ----------
    points : ndarray, shape (points, 2)
    goals : tuple of {"max", "min"}
        Of each column.

    Returns
    -------
    ndarray, shape (front, 2)
        By the first column.
    """
    costs = points * [1.0 if goal == "min" else -1.0 for goal in goals]
    order = np.lexsort((costs[:, 1], costs[:, 0]))
    best = np.minimum.accumulate(costs[order, 1])
    front: Floats = points[order[np.append(True, best[1:] < best[:-1])]]
    return front[np.argsort(front[:, 0], kind="stable")]


def _front(plan: Plan, lines: Sequence[Line]) -> Floats | None:
    """Return the front of a panel, shape (points, 2); None where a result has no goal."""
    goals = _across(plan).label.goal, plan.y.label.goal
    pairs = [(line.across.estimate, line.interval.estimate) for line in lines if line.across]
    if goals[0] is None or goals[1] is None or not pairs:
        return None
    return pareto_front(np.concatenate(pairs, axis=1).T, (goals[0], goals[1]))


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw a marker with whiskers per configuration, and the front as a staircase through the best."""
    scale = context.plan.spec.scale
    for line in lines:
        if line.across is None:
            continue
        line_style = line.style
        for readings in filter(len, marked(context.plan, line)):
            axes.plot(
                *readings.T,
                linestyle="none",
                marker=line_style.marker,
                markersize=1.8,
                alpha=0.35 if context.plan.spec.points else 1.0,
                color=line_style.color,
            )
        sideways, upwards = on_scale(line.across, scale.x), on_scale(line.interval, scale.y)
        whiskers = partial(draw_whiskers, axes, color=line_style.color, alpha=_ALPHA)
        whiskers(sideways.estimate, upwards, shown=context.y_range)
        whiskers(upwards.estimate, sideways, along="x", shown=context.x_range)
        axes.plot(line.across.estimate, line.interval.estimate, **line_style.marks, label=line.label)
    front = _visible_front(context.plan, lines)
    if front is None:
        return
    is_max = _across(context.plan).label.goal == "max"
    # Between two points of the front the worse of both is sure: a staircase, not a slope.
    staircase = {"drawstyle": "steps-pre" if is_max else "steps-post", **_front_line()}
    axes.plot(*front.T, label=FRONT, zorder=3.5, **(_front_ring() if len(front) == 1 else staircase))


def _visible_front(plan: Plan, lines: Sequence[Line]) -> Floats | None:
    """Return the points of the front that have a place on the scales, if there are any."""
    front = _front(plan, lines)
    if front is None:
        return None
    scale = plan.spec.scale
    x, y = front.T
    visible: Floats = front[scales.has_place(x, scale.x) & scales.has_place(y, scale.y)]
    return visible if len(visible) else None


def _front_line() -> dict[str, Any]:
    return {"color": style.text_color(), "linewidth": 1.1, "linestyle": (0, (3, 2))}


def _front_ring() -> dict[str, Any]:
    """Return the style of a front of one point, which has no line."""
    ring = {"marker": "o", "markersize": 8.0, "markerfacecolor": "none", "markeredgewidth": 1.1}
    return {"color": style.text_color(), "linestyle": "none", **ring}


def front_handle(context: DrawContext) -> Line2D | None:
    """Return the legend handle of the fronts of all panels, None without one."""
    fronts = [_visible_front(context.plan, panel.lines) for panel in context.data.panels]
    sizes = {len(front) for front in fronts if front is not None}
    ring, line = _front_ring() if 1 in sizes else {}, _front_line() if sizes - {1} else {}
    return Line2D([], [], **(ring | line)) if sizes else None


def both_results(plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield the points: the estimates of both results with their ends, and whether they are on the front."""
    for panel in data.panels:
        front = _front(plan, panel.lines)
        on_front = set() if front is None else set(map(tuple, front.tolist()))
        for row in csv_rows.estimates(plan, GraphData([panel])):
            yield row if front is None else {**row, "on_front": (row["x"], row["value"]) in on_front}


def caption(context: DrawContext) -> str:
    """Return the caption: what a point is."""
    plan, data = context.plan, context.data
    estimates = estimates_text(plan, data, mark="whiskers")
    pooled = (
        f"setting of all parameters but {', '.join(plan.spec.over)}" if plan.spec.over else "configuration"
    )
    sideways = describe(
        plan.aggregator, Estimates.joined([line.across for line in data.lines if line.across])
    )
    upwards = describe(plan.aggregator, drawn_estimates(data))
    along = f" Along x: {sideways.names}." if sideways.names not in ("", upwards.names) else ""
    return f"one point per {pooled}: {estimates}{along}{values_text(plan, data)}"


def details(context: DrawContext) -> list[str]:
    """Return what the front is, or why there is none."""
    if any(_front(context.plan, panel.lines) is not None for panel in context.data.panels):
        return ["Pareto front: nothing is better in one result and as good in the other."]
    return ["No Pareto front, as metrics gives no goal to both results."]


def limits(panels: Sequence[Axes], context: DrawContext) -> Outside:
    """Set scales and limits of both results."""
    lines = context.data.lines
    values = [readings for line in lines for readings in marked(context.plan, line)]
    x = Along.of([line.across for line in lines if line.across], [pairs[:, 0] for pairs in values])
    y = Along.of([line.interval for line in lines], [pairs[:, 1] for pairs in values])
    return apply_limits(panels, context, x=x, y=y)


def legend(context: DrawContext) -> list[LegendEntry]:
    """Return an entry per colour, and one for the front."""
    entries = entry_per_line(marks)(context)
    front = front_handle(context)
    return entries if front is None else [*entries, (front, FRONT)]


KIND = Kind(
    draw=draw,
    labels=lambda plan: (_across(plan).axis_label(), plan.y.axis_label()),
    caption=caption,
    details=details,
    limits=limits,
    rows=both_results,
    legend=legend,
)
