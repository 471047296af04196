"""The readings behind points, drawn faintly: each repetition is one dot, and equal ones stay apart."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from meta.graphs.theme.style import Look

Floats = NDArray[np.float64]

_ALPHA = 0.45


def spread_out(count: int, width: float) -> Floats:
    """Return offsets of `count` dots across `width`, the same each time.

    They follow the golden ratio (R. Dixon, Mathographics, 1987), so that neighbours in order are far apart
    and no two dots of equal height hide each other.
    """
    places = np.arange(count, dtype=np.float64)
    offsets: Floats = (np.mod(places * 0.6180339887498949, 1.0) - 0.5) * width
    return offsets if count > 1 else np.zeros(count)


def draw_readings(
    axes: Axes, x: float, readings: Floats, look: Look, *, width: float = 0.0, alpha: float = _ALPHA
) -> None:
    """Draw one dot per reading around `x`, in the colour and with the marker of its line."""
    axes.plot(
        x + spread_out(len(readings), width),
        readings,
        linestyle="none",
        marker=look.marker,
        markersize=2.6,
        markeredgewidth=0.5,
        markerfacecolor="none",
        color=look.color,
        alpha=alpha,
        zorder=2.5,
    )
