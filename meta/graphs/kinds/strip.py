"""Strips: every reading of a result as a dot, per value of a parameter."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from meta.graphs.data import csv_rows, per_value
from meta.graphs.data.graph_data import Line
from meta.graphs.drawing.jitter import draw_readings
from meta.graphs.drawing.scene import Kind, Scene, against_parameter


def draw(axes: Axes, lines: Sequence[Line], scene: Scene) -> None:
    """Draw one dot per reading; the lines of the figure stand beside each other."""
    for line in lines:
        offset, width = scene.places.slot(line.number, scene.count)
        for x, readings in zip(scene.places.at(line.x) + offset, line.readings, strict=True):
            draw_readings(axes, float(x), readings, line.look, width=width * 0.7, alpha=0.85)


def handle(lines: Sequence[Line]) -> Line2D:
    """Return what stands for a line's dots in the legend."""
    look = lines[0].look
    return Line2D([], [], linestyle="none", marker=look.marker, color=look.color, markerfacecolor="none")


KIND = Kind(per_value.compute, draw, handle, against_parameter, csv_rows.readings, slots=True)
