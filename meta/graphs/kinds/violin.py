"""Violins: the density of a result over the repetitions, per value of a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from meta.graphs.data import csv_rows, per_value
from meta.graphs.data.graph_data import Line
from meta.graphs.drawing.jitter import draw_readings
from meta.graphs.drawing.scene import Kind, Scene, against_parameter
from meta.graphs.theme import scales, style

Floats = NDArray[np.float64]

#: A density of fewer readings than this says more about the method than about the readings.
MIN_READINGS = 10
_PLACES = 200


@dataclass(frozen=True)
class Density:
    """How dense readings lie, between the smallest and the largest of them.

    Attributes
    ----------
    at : ndarray, shape (places,)
    heights : ndarray, shape (places,)
        In units of the largest.
    """

    at: Floats
    heights: Floats


def density(readings: Floats) -> Density:
    """Return the Gaussian kernel density with Scott's bandwidth (D. W. Scott, 1992, chapter 6).

    It is cut at the smallest and the largest reading, beyond which nothing was seen. Readings that are all
    equal have no density: they make a flat line.
    """
    low, high = float(readings.min()), float(readings.max())
    # In units of the range, so that nothing overflows and equal readings are found whatever their size.
    reach = high - low
    if not reach > 1e-12 * max(abs(low), abs(high)):
        return Density(np.array([low, high]), np.ones(2))
    places = np.linspace(0.0, 1.0, _PLACES)
    heights = gaussian_kde((readings - low) / reach)(places)
    return Density(low + reach * places, heights / heights.max())


def draw(axes: Axes, lines: Sequence[Line], scene: Scene) -> None:
    """Draw one violin per point with its quartiles, or its readings when they are few."""
    scale = scene.plan.spec.scale.y
    everything = np.concatenate([one for line in scene.numbers.lines for one in line.readings])
    transform = scales.transform(scale, everything)
    for line in lines:
        offset, width = scene.places.slot(line.number, scene.count)
        for x, readings in zip(scene.places.at(line.x) + offset, line.readings, strict=True):
            placed = readings[scales.has_place(readings, scale)]
            if len(placed) < MIN_READINGS:
                draw_readings(axes, float(x), readings, line.look, alpha=1.0)
                continue
            # A density is one along the axis drawn: a tail that a scale shortens would look like a peak.
            found = density(transform.transform(placed))
            at = np.clip(transform.inverted().transform(found.at), placed.min(), placed.max())
            half = found.heights * width * 0.45
            axes.fill_betweenx(at, x - half, x + half, label=line.label, **line.look.fill)
            if scene.plan.spec.points:
                draw_readings(axes, float(x), readings, line.look, width=width * 0.3)
            first, median, third = np.quantile(readings, [0.25, 0.5, 0.75])
            axes.vlines(x, first, third, color=style.ink(), linewidth=1.6)
            # The edge shows a median at the end of the violin, where half of the dot is outside.
            axes.plot(
                [x],
                [median],
                marker="o",
                markersize=3.2,
                markerfacecolor=style.paper(),
                markeredgecolor=style.ink(),
                markeredgewidth=0.6,
                zorder=3,
            )


def handle(lines: Sequence[Line]) -> Patch:
    """Return what stands for a line's violins in the legend."""
    return Patch(**lines[0].look.fill)


KIND = Kind(per_value.compute, draw, handle, against_parameter, csv_rows.readings, slots=True)
