"""Lines: an estimate of a result against a parameter, with its interval as band or whiskers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from meta.graphs.data import csv_rows, per_value
from meta.graphs.data.graph_data import Line
from meta.graphs.drawing.intervals import draw_band, draw_whiskers, placed
from meta.graphs.drawing.jitter import draw_readings
from meta.graphs.drawing.scene import Kind, Scene, against_parameter

#: Lines at the same category stand this far apart, so that their whiskers can be told apart.
_DODGE = 0.4


def draw(axes: Axes, lines: Sequence[Line], scene: Scene) -> None:
    """Draw one line per entry of the legend, with a band on a numeric axis and whiskers on categories.

    On categories the points of the figure's lines stand a little apart.
    """
    for line in lines:
        x = scene.places.at(line.x)
        interval = placed(line.interval, scene.plan.spec.scale.y)
        if scene.places.is_numeric:
            draw_band(axes, x, interval, color=line.look.color)
        else:
            x = x + _DODGE * ((line.number + 0.5) / scene.count - 0.5)
            draw_whiskers(axes, x, interval, color=line.look.color)
        for place, readings in zip(x, line.readings if scene.plan.spec.points else (), strict=False):
            draw_readings(axes, float(place), readings, line.look)
        axes.plot(
            x,
            interval.estimate,
            color=line.look.color,
            linestyle=line.look.dash,
            marker=line.look.marker,
            label=line.label,
        )


def handle(lines: Sequence[Line]) -> Line2D:
    """Return what stands for a line in the legend."""
    look = lines[0].look
    return Line2D([], [], color=look.color, linestyle=look.dash, marker=look.marker)


KIND = Kind(per_value.compute, draw, handle, against_parameter, csv_rows.estimates)
