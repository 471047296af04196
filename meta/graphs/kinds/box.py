"""Boxes: median and quartiles of a result over the repetitions, per value of a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose

from matplotlib.axes import Axes
from matplotlib.cbook import boxplot_stats

from meta.graphs.captions.phrases import drawn_sample_sizes, sample_size_text, too_few_text
from meta.graphs.data import csv_rows
from meta.graphs.data.graph_data import Line
from meta.graphs.drawing.axis_limits import limit_values
from meta.graphs.drawing.kind import DrawContext, area, entry_per_line
from meta.graphs.drawing.marks import draw_values
from meta.graphs.drawing.side_by_side import side_by_side
from meta.graphs.theme import style

#: Fewer readings than this are drawn themselves: quartiles would show less.
MIN_READINGS = 5


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one box per point, or its readings when they are few; lines are drawn side by side."""
    for line in lines:
        color = line.style.color
        offset, width = context.x_axis.slot(line.number, context.count)
        x = context.x_axis.at(line.x) + offset
        many = [place for place, readings in enumerate(line.readings) if len(readings) >= MIN_READINGS]
        if many:
            boxes = boxplot_stats([line.readings[place] for place in many])
            drawn = axes.bxp(
                boxes,
                positions=x[many],
                widths=width * 0.8,
                patch_artist=True,
                manage_ticks=False,
                capwidths=width * 0.4,
                boxprops=line.style.fill,
                medianprops={"color": style.text_color(), "linewidth": 1.4},
                whiskerprops={"color": color, "linewidth": 0.8},
                capprops={"color": color, "linewidth": 0.8},
                showfliers=not context.plan.spec.points,
                flierprops={
                    "marker": "o",
                    "markersize": 2.5,
                    "markeredgewidth": 0.6,
                    "markerfacecolor": "none",
                    "markeredgecolor": color,
                },
            )
            for box, median in zip(boxes, drawn["medians"], strict=True):
                # The line of the median would hide a box without height, and with it the colour.
                if isclose(box["q1"], box["q3"], rel_tol=1e-9):
                    median.set_color(color)
        for place, readings in enumerate(line.readings):
            if place not in many:
                draw_values(axes, float(x[place]), readings, line.style, alpha=1.0)
            elif context.plan.spec.points:
                draw_values(axes, float(x[place]), readings, line.style, width=width * 0.4)


def caption(context: DrawContext) -> str:
    """Return the caption: the parts of a box, if any box is drawn."""
    sample_sizes = drawn_sample_sizes(context.data)
    text = f"{sample_size_text(sample_sizes)}."
    if sample_sizes.count.max() >= MIN_READINGS:
        text += (
            " Boxes: median and quartiles; whiskers: the furthest readings within 1.5 interquartile ranges; "
            f"{'small marks: each reading.' if context.plan.spec.points else 'circles: readings beyond.'}"
        )
    return text + too_few_text(MIN_READINGS, sample_sizes)


KIND = side_by_side(
    draw=draw,
    caption=caption,
    limits=limit_values,
    rows=csv_rows.readings,
    legend=entry_per_line(area),
)
