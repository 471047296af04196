"""Bars: the mean of a result per value of a parameter, with its interval as whiskers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from meta.graphs import style
from meta.graphs.axis import ParameterAxis
from meta.graphs.intervals import draw_whiskers
from meta.graphs.panels import Line


def draw(axes: Axes, lines: Sequence[Line], axis: ParameterAxis, *, count: int) -> None:
    """Draw one bar per point; `count` lines of the figure stand beside each other."""
    for line in lines:
        offset, width = axis.slot(line.number, count)
        x = axis.at(line.x) + offset
        axes.bar(x, line.interval.estimate, width * 0.92, label=line.label, **style.fill(line.number))
        draw_whiskers(axes, x, line.interval, color="black")


def handle(number: int) -> Patch:
    """Return what stands for a line's bars in the legend."""
    return Patch(**style.fill(number))
