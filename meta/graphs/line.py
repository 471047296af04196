"""Lines: the mean of a result against a parameter, with its interval as band or whiskers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from meta.graphs import style
from meta.graphs.axis import ParameterAxis
from meta.graphs.intervals import draw_band, draw_whiskers
from meta.graphs.panels import Line

#: Lines at the same category stand this far apart, so that their whiskers can be told apart.
_DODGE = 0.4


def draw(axes: Axes, lines: Sequence[Line], axis: ParameterAxis, *, count: int) -> None:
    """Draw one line per entry of the legend, with a band on a numeric axis and whiskers on categories.

    On categories the points of the figure's `count` lines stand a little apart.
    """
    for line in lines:
        x = axis.at(line.x)
        if axis.is_numeric:
            draw_band(axes, x, line.interval, color=style.color(line.number))
        else:
            x = x + _DODGE * ((line.number + 0.5) / count - 0.5)
            draw_whiskers(axes, x, line.interval, color=style.color(line.number))
        axes.plot(
            x,
            line.interval.estimate,
            color=style.color(line.number),
            linestyle=style.dash(line.number),
            marker=style.marker(line.number),
            label=line.label,
        )


def handle(number: int) -> Line2D:
    """Return what stands for a line in the legend."""
    return Line2D(
        [], [], color=style.color(number), linestyle=style.dash(number), marker=style.marker(number)
    )
