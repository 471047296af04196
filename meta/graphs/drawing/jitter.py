"""The readings behind points, drawn faintly: each repetition is one dot, and equal ones stay apart."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from meta.graphs.theme.style import LineStyle

Floats = NDArray[np.float64]

_ALPHA = 0.45


def jitter(count: int, width: float) -> Floats:
    """Return offsets of `count` dots across `width`, the same each time.

    They follow the golden ratio (R. Dixon, Mathographics, 1987), so that neighbours in order are far apart
    and no two dots of equal height hide each other.
    """
    places = np.arange(count, dtype=np.float64)
    offsets: Floats = (np.mod(places * 0.6180339887498949, 1.0) - 0.5) * width
    return offsets if count > 1 else np.zeros(count)


def draw_values(
    axes: Axes,
    x: float,
    readings: Floats,
    line_style: LineStyle,
    *,
    width: float = 0.0,
    alpha: float = _ALPHA,
) -> None:
    """Draw one dot per reading around `x`, in the colour and with the marker of its line."""
    axes.plot(
        x + jitter(len(readings), width),
        readings,
        linestyle="none",
        marker=line_style.marker,
        markersize=2.6,
        markeredgewidth=0.5,
        markerfacecolor="none",
        color=line_style.color,
        alpha=alpha,
        zorder=2.5,
    )
