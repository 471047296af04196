"""Scatter graphs: one result against another, a point per configuration, and the Pareto front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from meta.graphs.captions.phrases import estimates_text, values_text
from meta.graphs.data.csv_rows import Row, known, of_parameters
from meta.graphs.data.estimates import Aggregator
from meta.graphs.data.graph_data import Coverage, GraphData, Line, Outside, Panel
from meta.graphs.data.groups import Group, make_groups, panels_of
from meta.graphs.data.plan import Plan, Variable
from meta.graphs.drawing.axis_limits import Along, apply_limits
from meta.graphs.drawing.kind import DrawContext, Kind, LegendEntry, entry_per_line, marks
from meta.graphs.drawing.marks import draw_whiskers, on_scale
from meta.graphs.theme import scales, style
from meta.records.readings import missing_of, number, refuse_huge, side_by_side
from meta.records.series_records import ConfigurationRecord, SeriesRecords
from meta.statistics.estimators.arrays import Floats, Integers

Goal = Literal["max", "min"]

#: Of whiskers, which cross each other where configurations are many.
_ALPHA = 0.5
#: What the front is called in the legend.
FRONT = "Pareto front"


def compute(plan: Plan, records: SeriesRecords) -> GraphData:
    """Compute the estimate of both results for each configuration.

    Experiments that lack one of the two are left out of both.

    Raises
    ------
    GraphError
        There would be too many panels or colours, or nothing to draw.
    """
    across = _across(plan)
    aggregator = Aggregator.of(plan.spec, records.name, plan.y.key, shares_seeds=plan.shares_seeds)
    apart = records.parameter_table(plan.values).distinguishing(plan.over)
    lines: list[tuple[Group, Line]] = []
    coverage: list[Coverage] = []
    incomplete: list[str] = []
    without = non_finite = 0
    groups = make_groups(plan, records)
    for group in groups:
        pairs: list[_Pairs] = []
        settings: list[dict[str, Any]] = []
        for members in _points(group, plan, apart):
            strata, repetitions = [], []
            before = non_finite
            for member in members:
                both, of_repetition = _pairs(member, across.key, plan.y.key)
                is_finite = np.isfinite(both).all(axis=1)
                without += len(member.completed) - len(both)
                non_finite += len(both) - int(is_finite.sum())
                strata.append(both[is_finite])
                repetitions.append(of_repetition[is_finite])
            label = plan.described(apart, members[0].parameters)
            total = sum(map(len, strata))
            is_drawn = all(map(len, strata))
            is_nan = non_finite > before and not total
            coverage.append(Coverage(label, total if is_drawn else 0, missing_of(members), is_nan=is_nan))
            if is_drawn:
                pairs.append(_Pairs(strata, repetitions))
                settings.append(plan.chosen_parameters(apart, members[0].parameters))
            elif total:
                incomplete.append(label)
        if pairs:
            lines.append((group, replace(_line(group, aggregator, pairs), settings=settings)))
    panels = [_with_front(panel, across, plan.y) for panel in panels_of(groups, lines)]
    return GraphData(panels, coverage, without=without, non_finite=non_finite, incomplete=incomplete)


def _across(plan: Plan) -> Variable:
    if plan.across is None:
        raise ValueError("a scatter graph has a result as its x")
    return plan.across


def _points(group: Group, plan: Plan, apart: Sequence[str]) -> list[list[ConfigurationRecord]]:
    """Return the configurations of each point: one, or those that differ in what is averaged over only."""
    points: dict[tuple[int, ...], list[ConfigurationRecord]] = {}
    for member in group.members:
        key = tuple(plan.place(name, member.parameters) for name in apart)
        points.setdefault(key, []).append(member)
    return list(points.values())


@dataclass(frozen=True)
class _Pairs:
    """The readings of a point: per configuration both results, shape (experiments, 2), and repetitions."""

    strata: Sequence[Floats]
    repetitions: Sequence[Integers]

    def scores(self, column: int) -> Floats:
        """Return one of the results, shape (repetitions, configurations)."""
        return side_by_side([stratum[:, column] for stratum in self.strata], self.repetitions)


def _pairs(member: ConfigurationRecord, *keys: str) -> tuple[Floats, Integers]:
    """Return both results of the experiments that have both, shape (experiments, 2), and the repetitions."""
    rows = {
        experiment.repetition: [number(experiment, key) for key in keys] for experiment in member.completed
    }
    present = {repetition: row for repetition, row in rows.items() if None not in row}
    pairs = np.array(list(present.values()), dtype=np.float64).reshape(-1, len(keys))
    for readings, key in zip(pairs.T, keys, strict=True):
        refuse_huge(readings, key)
    return pairs, np.array(list(present), dtype=np.int64)


def _line(group: Group, aggregator: Aggregator, pairs: Sequence[_Pairs]) -> Line:
    across, upwards = (aggregator.of_points([pair.scores(column) for pair in pairs]) for column in (0, 1))
    readings = [np.concatenate(pair.strata) for pair in pairs]
    return Line(
        group.label,
        group.number,
        group.style,
        np.arange(len(pairs), dtype=np.float64),
        upwards,
        across=across,
        readings=readings,
    )


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
    signs = np.array([1.0 if goal == "min" else -1.0 for goal in goals])
    costs = points * signs
    order = np.lexsort((costs[:, 1], costs[:, 0]))
    best, kept = np.inf, []
    for place in order:
        if costs[place, 1] < best:
            kept.append(place)
            best = costs[place, 1]
    front: Floats = points[kept]
    return front[np.argsort(front[:, 0], kind="stable")]


def _with_front(panel: Panel, across: Variable, upwards: Variable) -> Panel:
    goals = across.label.goal, upwards.label.goal
    lines = [line for line in panel.lines if line.across is not None]
    if goals[0] is None or goals[1] is None or not lines:
        return panel
    points = np.concatenate(
        [np.column_stack([line.across.estimate, line.interval.estimate]) for line in lines if line.across]
    )
    return replace(panel, front=pareto_front(points, (goals[0], goals[1])))


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw a marker with whiskers per configuration, and the front as a staircase through the best."""
    for line in lines:
        across = line.across
        if across is None:
            continue
        line_style = line.style
        if context.plan.spec.points:
            for readings in line.readings:
                axes.plot(
                    *readings.T,
                    linestyle="none",
                    marker=line_style.marker,
                    markersize=1.8,
                    alpha=0.35,
                    color=line_style.color,
                )
        scale = context.plan.spec.scale
        sideways, upwards = on_scale(across, scale.x), on_scale(line.interval, scale.y)
        draw_whiskers(axes, sideways.estimate, upwards, color=line_style.color, alpha=_ALPHA)
        draw_whiskers(axes, upwards.estimate, sideways, color=line_style.color, along="x", alpha=_ALPHA)
        axes.plot(across.estimate, line.interval.estimate, **line_style.marks, label=line.label)
    _draw_front(axes, lines, context)


def _draw_front(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    panel = next((panel for panel in context.data.panels if panel.lines is lines), None)
    front = None if panel is None else _visible_front(panel, context)
    if front is None:
        return
    if len(front) == 1:
        axes.plot(*front.T, label=FRONT, zorder=3.5, **_front_ring())
        return
    # Between two points of the front the worse of both is sure: a staircase, not a slope.
    is_max = context.plan.across is not None and context.plan.across.label.goal == "max"
    axes.plot(
        *front.T,
        drawstyle="steps-pre" if is_max else "steps-post",
        zorder=3.5,
        label=FRONT,
        **_front_line(),
    )


def _visible_front(panel: Panel, context: DrawContext) -> Floats | None:
    """Return the points of the front that have a place on the scales, if there are any."""
    if panel.front is None:
        return None
    scale = context.plan.spec.scale
    x, y = panel.front.T
    visible: Floats = panel.front[scales.has_place(x, scale.x) & scales.has_place(y, scale.y)]
    return visible if len(visible) else None


def _front_line() -> dict[str, Any]:
    return {"color": style.text_color(), "linewidth": 1.1, "linestyle": (0, (3, 2))}


def _front_ring() -> dict[str, Any]:
    """Return the style of a front of one point, which has no line."""
    ring = {"marker": "o", "markersize": 8.0, "markerfacecolor": "none", "markeredgewidth": 1.1}
    return {"color": style.text_color(), "linestyle": "none", **ring}


def front_handle(context: DrawContext) -> Line2D | None:
    """Return the legend handle of the fronts of all panels, None without one."""
    fronts = [_visible_front(panel, context) for panel in context.data.panels]
    sizes = {len(front) for front in fronts if front is not None}
    if not sizes:
        return None
    line_style = _front_ring() if 1 in sizes else {}
    return Line2D([], [], **(line_style | _front_line() if max(sizes) > 1 else line_style))


def both_results(plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield the points: the estimates of both results with their ends, and whether they are on the front."""
    for panel in data.panels:
        front = set() if panel.front is None else set(map(tuple, panel.front.tolist()))
        for line in panel.lines:
            across, upwards = line.across, line.interval
            if across is None:
                continue
            arrays = (across.estimate, across.low, across.high, upwards.estimate, upwards.low, upwards.high)
            ends = zip(*(array.tolist() for array in arrays), strict=True)
            for settings, (x, x_low, x_high, y, low, high), count in zip(
                line.settings, ends, upwards.count.tolist(), strict=True
            ):
                yield {
                    **of_parameters({**line.parameters, **settings}),
                    "x_result": _across(plan).key,
                    "x": x,
                    "x_low": known(x_low),
                    "x_high": known(x_high),
                    "result": plan.y.key,
                    "value": y,
                    "low": known(low),
                    "high": known(high),
                    "n": count,
                    **({} if panel.front is None else {"on_front": (x, y) in front}),
                }


def caption(context: DrawContext) -> str:
    """Return the caption: what a point and the front are."""
    plan, data = context.plan, context.data
    estimates = estimates_text(plan, data, mark="whiskers")
    pooled = f"setting of all parameters but {', '.join(plan.over)}" if plan.over else "configuration"
    if any(panel.front is not None for panel in data.panels):
        front = " Pareto front: nothing is better in one result and as good in the other."
    else:
        front = " No Pareto front, as metrics gives no goal to both results."
    return f"one point per {pooled}: {estimates}{front}{values_text(plan)}"


def limits(panels: Sequence[Axes], context: DrawContext) -> Outside:
    """Set scales and limits of both results."""
    lines = context.data.lines
    values = [readings for line in lines for readings in line.readings] if context.plan.spec.points else []
    x = Along.of([line.across for line in lines if line.across], [pairs[:, 0] for pairs in values])
    y = Along.of([line.interval for line in lines], [pairs[:, 1] for pairs in values])
    return apply_limits(panels, context, x=x, y=y)


def legend(context: DrawContext) -> list[LegendEntry]:
    """Return an entry per colour, and one for the front."""
    entries = entry_per_line(marks)(context)
    front = front_handle(context)
    return entries if front is None else [*entries, (front, FRONT)]


KIND = Kind(
    compute=compute,
    draw=draw,
    labels=lambda plan: (_across(plan).axis_label(), plan.y.axis_label()),
    caption=caption,
    limits=limits,
    rows=both_results,
    legend=legend,
)
