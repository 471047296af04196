"""Boxes: median and quartiles of a result over the repetitions, per value of a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from meta.graphs import style
from meta.graphs.axis import ParameterAxis
from meta.graphs.panels import Line
from meta.statistics.quartiles import BoxSummary

#: Quartiles of fewer readings than this say less than the readings themselves.
MIN_READINGS = 5


def draw(axes: Axes, lines: Sequence[Line], axis: ParameterAxis, *, count: int) -> None:
    """Draw one box per point, or its readings when they are few; `count` lines stand beside each other."""
    for line in lines:
        offset, width = axis.slot(line.number, count)
        x = axis.at(line.x) + offset
        many = [place for place, box in enumerate(line.boxes) if box.count >= MIN_READINGS]
        if many:
            drawn = axes.bxp(
                [_entry(line.boxes[place]) for place in many],
                positions=x[many],
                widths=width * 0.8,
                patch_artist=True,
                manage_ticks=False,
                capwidths=width * 0.4,
                boxprops=style.fill(line.number),
                medianprops={"color": "black", "linewidth": 1.4},
                whiskerprops={"color": style.color(line.number), "linewidth": 0.8},
                capprops={"color": style.color(line.number), "linewidth": 0.8},
                flierprops={
                    "marker": "o",
                    "markersize": 2.5,
                    "markeredgewidth": 0.6,
                    "markerfacecolor": "none",
                    "markeredgecolor": style.color(line.number),
                },
            )
            for place, median in zip(many, drawn["medians"], strict=True):
                # The line of the median would hide a box without height, and with it the colour.
                if _is_flat(line.boxes[place]):
                    median.set_color(style.color(line.number))
        for place in set(range(len(line.boxes))) - set(many):
            readings = line.readings[place]
            axes.plot(
                np.full(len(readings), x[place]),
                readings,
                linestyle="none",
                marker=style.marker(line.number),
                markersize=3.5,
                markerfacecolor="none",
                color=style.color(line.number),
            )


def _entry(box: BoxSummary) -> dict[str, object]:
    return {
        "med": box.median,
        "q1": box.first_quartile,
        "q3": box.third_quartile,
        "whislo": box.low_whisker,
        "whishi": box.high_whisker,
        "fliers": box.outliers,
    }


def _is_flat(box: BoxSummary) -> bool:
    return isclose(box.first_quartile, box.third_quartile, rel_tol=1e-9)


def handle(number: int) -> Patch:
    """Return what stands for a line's boxes in the legend."""
    return Patch(**style.fill(number))
