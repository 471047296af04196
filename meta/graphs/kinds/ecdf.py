"""Empirical distribution functions: the share of experiments with at most each value of a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes

from meta.graphs.data.csv_rows import Row, of_line
from meta.graphs.data.graph_data import GraphData, Line
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.axis_limits import limit_distribution
from meta.graphs.drawing.kind import DrawContext, Kind, each_value, entry_per_line, stroke


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one staircase per entry of the legend; each reading is a step."""
    for line in lines:
        ordered = np.sort(line.readings[0])
        shares = np.arange(1, len(ordered) + 1) / len(ordered)
        axes.plot(
            np.concatenate((ordered[:1], ordered)),
            np.concatenate(([0.0], shares)),
            drawstyle="steps-post",
            **line.style.stroke,
            label=line.label,
        )
    if context.plan.spec.limits.y is None:
        axes.set_ylim(0.0, 1.02)


def shares(plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield each reading in ascending order, with the ``share`` of readings that are not larger."""
    for line in data.lines:
        ordered = np.sort(line.readings[0])
        shares = np.searchsorted(ordered, ordered, side="right") / len(ordered)
        for value, share in zip(ordered.tolist(), shares.tolist(), strict=True):
            yield {**of_line(plan, line), "value": value, "share": share}


KIND = Kind(
    draw=draw,
    labels=lambda plan: (plan.y.axis_label(), "share of experiments"),
    caption=each_value,
    limits=limit_distribution,
    rows=shares,
    legend=entry_per_line(stroke),
)
