"""Empirical distribution functions: the share of experiments with at most each value of a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from meta.graphs.captions.estimates import drawn_sample_sizes
from meta.graphs.captions.phrases import pooled_size_text
from meta.graphs.data.csv_rows import Row, of_line
from meta.graphs.data.graph_data import Coverage, Estimates, GraphData, Line, SampleSizes
from meta.graphs.data.groups import Group, make_groups, panels_of
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.axis_limits import limit_distribution, show_shares
from meta.graphs.drawing.kind import DrawContext, Kind, LegendEntry, each_value, entry_per_line, stroke
from meta.records.errors import GraphError
from meta.records.readings import Point, Runs
from meta.records.series_records import SeriesRecords


def compute(plan: Plan, records: SeriesRecords) -> GraphData:
    """Compute the staircase of each line: the shares of the experiments that count.

    Of a result that has a goal all experiments count that ran to an end of their own. Those that never
    reached a reading have no step: where less is better the line ends below 1, where more is it starts above
    0.

    Raises
    ------
    GraphError
        There would be too many lines or panels, or no experiment has a finite reading.
    """
    groups = make_groups(plan, records)
    lines: list[Line | None] = []
    coverage: list[Coverage] = []
    for group in groups:
        point = Point.of(group.members, plan.y.key)
        runs = plan.runs(point)
        label = group.cell_label(plan, group.members[0])
        names = plan.configuration_labels(group.members)
        if runs is None:
            covered = Coverage.of(label, point, names, is_drawn=len(point.readings) > 0)
        else:
            covered = Coverage.of_runs(label, point, names, runs)
        coverage.append(covered)
        limit = _smallest_limit(plan, point, records.timed_out_s)
        lines.append(_line(group, point, runs, limit) if covered.drawn else None)
    panels = panels_of(plan, groups, lines, coverage)
    if not any(len(line.readings[0]) for panel in panels for line in panel.lines):
        raise GraphError(f"no experiment has a finite reading of {plan.y.name!r}: nothing to draw")
    return GraphData(panels, coverage)


def _smallest_limit(plan: Plan, point: Point, timed_out_s: Mapping[int, float]) -> float | None:
    """Return the smallest limit of timed out experiments if limits differ, else None.

    Beyond it nobody knows how many would have got there. It is recorded how long these attempts ran, which is
    a little longer than their limit. A time between the least and the most of that was measured under another
    limit than the smallest; a longer one is none that a run took.
    """
    if plan.unit_s is None or not plan.counts_missing or not len(point.readings):
        return None
    ran = [
        timed_out_s[id_] / plan.unit_s
        for member in point.members
        for id_ in member.unfinished
        if id_ in timed_out_s
    ]
    return min(ran) if ran and min(ran) < point.readings.max() <= max(ran) else None


def _line(group: Group, point: Point, runs: Runs | None, limit: float | None) -> Line:
    """Return a line: at -inf the share from which it starts, then that at each reading up to the limit."""
    sizes = point.sizes if runs is None else runs.sizes
    ordered = np.sort(point.readings if runs is None else runs.readings)
    drawn = point.readings if limit is None else point.readings[point.readings <= limit]
    x = np.append(-np.inf, np.sort(drawn))
    shares = np.searchsorted(ordered, x, side="right") / len(ordered)
    alike = SampleSizes.of_points([sizes])
    sample_sizes = SampleSizes(*(np.repeat(size, len(x)) for size in vars(alike).values()))
    return group.line(
        x,
        Estimates.without_intervals(shares, sample_sizes),
        readings=[drawn],
        never=0 if runs is None else runs.never.total(),
        until=limit,
    )


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one staircase per entry of the legend; what no reading ends reaches as far as those of others."""
    readings = np.concatenate([line.readings[0] for line in context.data.lines])
    for line in lines:
        x, shares = line.x.copy(), line.interval.estimate
        has_steps = len(x) > 1
        x[0] = x[1] if has_steps and shares[0] == 0 else readings.min()
        if shares[-1] < 1 or not has_steps:
            end = readings.max() if line.until is None else line.until
            x, shares = np.append(x, end), np.append(shares, shares[-1])
        axes.plot(x, shares, drawstyle="steps-post", **line.style.stroke, label=line.label)
    if context.plan.spec.limits.y is None:
        show_shares(axes, context.data.lines)


def shares(plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield each reading in ascending order, with the ``share`` of the ``n`` experiments up to it.

    Before them, without a ``value``, the share from which a line starts above 0, or stays.
    """
    for line in data.lines:
        points = zip(
            line.x.tolist(), line.interval.estimate.tolist(), line.interval.count.tolist(), strict=True
        )
        for value, share, count in points:
            if np.isfinite(value) or share > 0 or len(line.x) == 1:
                found = value if np.isfinite(value) else None
                yield {**of_line(plan, line), "value": found, "share": share, "n": count}


def caption(context: DrawContext) -> str:
    """Return the caption: of how many experiments the shares are."""
    if not _counts_never(context):
        return each_value(context)
    text = f"share of {pooled_size_text(drawn_sample_sizes(context.data))} with at most each value."
    plan = context.plan
    names = [name for name in (*plan.facets, *plan.hues) if len(plan.values[name]) > 1]
    limits = [
        f"{plan.described(names, line.parameters) or 'all'} ({line.until:.3g})"
        for line in context.data.lines
        if line.until is not None
    ]
    if limits:
        told = "; ".join(limits)
        text += f" Drawn up to the smallest limit of timed out experiments, as limits differ: {told}."
    return text


def legend(context: DrawContext) -> list[LegendEntry]:
    """Return an entry per line; where some never reached a reading, each with how many did."""
    entries = entry_per_line(stroke, _counted) if _counts_never(context) else entry_per_line(stroke)
    return entries(context)


def _counts_never(context: DrawContext) -> bool:
    return any(line.never for line in context.data.lines)


def _counted(lines: Sequence[Line]) -> str:
    """Return the label of a line with how many of its experiments, on all panels, reached a reading."""
    count = sum(int(line.interval.count[0]) for line in lines)
    never = sum(line.never for line in lines)
    return f"{lines[0].label} ({count - never:,} of {count:,})"


KIND = Kind(
    compute=compute,
    draw=draw,
    labels=lambda plan: (plan.y.axis_label(), "share of experiments"),
    caption=caption,
    limits=limit_distribution,
    rows=shares,
    legend=legend,
)
