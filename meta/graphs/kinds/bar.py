"""Bars: an estimate of a result per value of a parameter, with its interval as whiskers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from meta.graphs.data import csv_rows, per_value
from meta.graphs.data.graph_data import Line
from meta.graphs.drawing.intervals import draw_whiskers, placed
from meta.graphs.drawing.jitter import draw_readings
from meta.graphs.drawing.scene import Kind, Scene, against_parameter
from meta.graphs.theme import style


def draw(axes: Axes, lines: Sequence[Line], scene: Scene) -> None:
    """Draw one bar per point; the lines of the figure stand beside each other."""
    for line in lines:
        offset, width = scene.places.slot(line.number, scene.count)
        x = scene.places.at(line.x) + offset
        axes.bar(x, line.interval.estimate, width * 0.92, label=line.label, **line.look.fill)
        for place, readings in zip(x, line.readings if scene.plan.spec.points else (), strict=False):
            draw_readings(axes, float(place), readings, line.look, width=width * 0.5)
        draw_whiskers(axes, x, placed(line.interval, scene.plan.spec.scale.y), color=style.ink())


def handle(lines: Sequence[Line]) -> Patch:
    """Return what stands for a line's bars in the legend."""
    return Patch(**lines[0].look.fill)


KIND = Kind(per_value.compute, draw, handle, against_parameter, csv_rows.estimates, slots=True)
