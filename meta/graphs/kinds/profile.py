"""Performance profiles: the share of problems that a method solves within a factor of the best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes

from experiments.series_file.sections.graphs import ScaleName
from experiments.units import many
from meta.graphs.captions.missing_data import without_readings
from meta.graphs.data import method_table
from meta.graphs.data.csv_rows import Row, of_line
from meta.graphs.data.graph_data import Coverage, Estimates, GraphData, Line, Outside, SampleSizes
from meta.graphs.data.groups import Group, make_groups, panels_of
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.axis_limits import Along, apply_limits, show_shares
from meta.graphs.drawing.kind import DrawContext, Kind, entry_per_line, stroke
from meta.records.errors import GraphError
from meta.records.series_records import SeriesRecords
from meta.statistics.comparisons.over_tasks import performance_profile
from meta.statistics.estimators.arrays import Floats

#: From here on factors are drawn on a logarithmic axis.
_LARGE_FACTOR = 10.0
#: How far the axis goes beyond the last factor, as a factor.
_BEYOND = 1.06


def compute(plan: Plan, records: SeriesRecords) -> GraphData:
    """Compute the profile of each method over the problems of its panel.

    A problem that no method solves counts. One of which a method has no number, as none of its experiments
    has run, does not, nor does a method without any.

    Raises
    ------
    GraphError
        A cost is not positive, the series file gives no goal for y, or nothing can be compared.
    """
    groups = make_groups(plan, records)
    lines: list[Line | None] = []
    coverage: list[Coverage] = []
    for place in dict.fromkeys(group.place for group in groups):
        here = [group for group in groups if group.place == place]
        names = [name for name in (*plan.facets, *plan.hues) if len(plan.values[name]) > 1]
        table = method_table.table(plan, [group.members for group in here], names)
        coverage += table.coverage
        lines += _lines(plan, here, table.scores)
    without = "Left out" if plan.counts_missing else "Counted as not solved"
    if not any(lines) and any(covered.drawn for covered in coverage):
        lacking = " ".join(without_readings(coverage, without)).removesuffix(".")
        raise GraphError(f"nothing to draw: there is no problem that every method has run. {lacking}")
    panels = panels_of(plan, groups, lines, coverage)
    return GraphData(panels, coverage, without_readings=without, never="Counted as not solved")


def _lines(plan: Plan, groups: Sequence[Group], scores: Floats) -> list[Line | None]:
    """Return the line of each method, from its numbers of the problems: a column of `scores`."""
    unknown = np.isnan(scores)
    has_any = np.asarray(~unknown.all(axis=0))
    is_drawn = has_any if plan.counts_missing else np.full(len(groups), has_any.any())
    compared = scores[:, is_drawn]
    if plan.counts_missing:
        compared = compared[~np.isnan(compared).any(axis=1)]
    if not compared.size:
        return [None] * len(groups)
    try:
        # Where more is better, the factor to the best is best / own: that of the reciprocals.
        costs = compared if method_table.goal(plan) == "min" else _reciprocals(compared)
        profile = performance_profile(costs)
    except ValueError as error:
        raise GraphError(f"y: a profile of {plan.y.measured!r} is impossible: {error}") from error
    problems = SampleSizes.of(np.full((1, len(profile.factors)), profile.problems, dtype=np.int64))
    shares = iter(profile.shares)
    return [
        group.line(profile.factors, Estimates.without_intervals(next(shares), problems)) if drawn else None
        for group, drawn in zip(groups, is_drawn.tolist(), strict=True)
    ]


def _reciprocals(scores: Floats) -> Floats:
    finite = np.isfinite(scores)
    if (scores[finite] <= 0).any():
        raise ValueError("all scores must be positive: otherwise there is no factor to the best")
    # An infinite score is that of a method that never reaches the problem, or has from the start.
    return np.divide(1.0, scores, out=-scores, where=finite)


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one staircase per method, to the right end of the axis."""
    last = max(float(line.x[-1]) for line in context.data.lines) * _BEYOND
    for line in lines:
        axes.plot(
            np.append(line.x, last),
            np.append(line.interval.estimate, line.interval.estimate[-1]),
            drawstyle="steps-post",
            **line.style.stroke,
            label=line.label,
        )
    show_shares(axes, context.data.lines)
    axes.set_xlim(1.0, last)


def labels(plan: Plan) -> tuple[str, str]:
    """Return the labels of the axes."""
    factor = "factor to the best" if plan.y.label.goal == "min" else "best / own"
    return f"{plan.y.axis_label()}: {factor}", "share of problems"


def shares(plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield the steps: which ``share`` of the ``n`` problems each method solves within a ``factor``."""
    for line in data.lines:
        for factor, share, count in zip(
            line.x.tolist(), line.interval.estimate.tolist(), line.interval.count.tolist(), strict=True
        ):
            yield {**of_line(plan, line), "factor": factor, "share": share, "n": count}


def caption(context: DrawContext) -> str:
    """Return the caption: how many problems, and in which parameters they differ."""
    plan = context.plan
    counted = "" if plan.counts_missing else "; a problem without one counts as not solved"
    problems = sorted({int(line.interval.count[0]) for line in context.data.lines})
    fewer = "" if len(problems) == 1 else f"{problems[0]} to "
    return (
        f"performance profile over {fewer}{many(problems[-1], 'problem')} ({', '.join(plan.spec.over)}), "
        f"each by {method_table.numbers_text(plan)}{counted}."
    )


def limits(panels: Sequence[Axes], context: DrawContext) -> Outside:
    """Set scales and limits; factors keep their end, and are logarithmic where they are large."""
    lines = context.data.lines
    x = np.concatenate([line.x for line in lines])
    y = Along.of([line.interval for line in lines])
    scale: ScaleName | None = "log" if x.max() >= _LARGE_FACTOR else None
    return apply_limits(panels, context, x=Along(x), y=y, x_scale=scale, keeps_x=True)


KIND = Kind(
    compute=compute,
    draw=draw,
    labels=labels,
    caption=caption,
    limits=limits,
    rows=shares,
    legend=entry_per_line(stroke),
)
