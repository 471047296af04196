"""Boxes: median and quartiles of a result over the repetitions, per value of a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose

from matplotlib.axes import Axes
from matplotlib.cbook import boxplot_stats

from meta.graphs.captions.estimates import summaries_text
from meta.graphs.data.graph_data import Line
from meta.graphs.drawing.kind import DrawContext, area, entry_per_line
from meta.graphs.drawing.marks import draw_values
from meta.graphs.drawing.side_by_side import of_values
from meta.graphs.theme import style

#: Fewer readings than this are drawn themselves: quartiles would show less.
MIN_READINGS = 5


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one box per point, or its readings when they are few; lines are drawn side by side."""
    for line in lines:
        color = line.style.color
        x, width = context.beside(line)
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
    parts = (
        "Boxes: median and quartiles; whiskers: the furthest readings within 1.5 interquartile ranges; "
        f"{'small marks: each reading.' if context.plan.spec.points else 'circles: readings beyond.'}"
    )
    return summaries_text(context.data, parts, least=MIN_READINGS)


KIND = of_values(draw=draw, caption=caption, legend=entry_per_line(area))
