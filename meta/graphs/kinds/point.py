"""Points: an estimate of a result per value of a parameter with its interval, beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from meta.graphs.data import csv_rows, per_value
from meta.graphs.data.graph_data import Line
from meta.graphs.drawing.intervals import draw_whiskers, placed
from meta.graphs.drawing.jitter import draw_readings
from meta.graphs.drawing.scene import Kind, Scene, against_parameter


def draw(axes: Axes, lines: Sequence[Line], scene: Scene) -> None:
    """Draw one dot with whiskers per point; the lines of the figure stand beside each other."""
    for line in lines:
        offset, width = scene.places.slot(line.number, scene.count)
        x = scene.places.at(line.x) + offset
        for place, readings in zip(x, line.readings if scene.plan.spec.points else (), strict=False):
            draw_readings(axes, float(place), readings, line.look, width=width * 0.5)
        draw_whiskers(axes, x, placed(line.interval, scene.plan.spec.scale.y), color=line.look.color)
        axes.plot(
            x,
            line.interval.estimate,
            linestyle="none",
            marker=line.look.marker,
            color=line.look.color,
            label=line.label,
        )


def handle(lines: Sequence[Line]) -> Line2D:
    """Return what stands for a line's points in the legend."""
    look = lines[0].look
    return Line2D([], [], linestyle="none", marker=look.marker, color=look.color)


KIND = Kind(per_value.compute, draw, handle, against_parameter, csv_rows.estimates, slots=True)
