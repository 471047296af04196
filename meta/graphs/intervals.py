"""Intervals: a band along a line, or whiskers with caps."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from meta.graphs import style
from meta.graphs.numbers import Estimates


def draw_band(axes: Axes, x: NDArray[np.float64], interval: Estimates, *, color: str) -> None:
    """Draw the intervals as a band; a single point, which has no width, gets whiskers."""
    if len(x) == 1:
        draw_whiskers(axes, x, interval, color=color)
        return
    axes.fill_between(x, interval.low, interval.high, color=color, alpha=style.BAND_ALPHA, linewidth=0)


def draw_whiskers(
    axes: Axes,
    x: NDArray[np.float64],
    interval: Estimates,
    *,
    color: str,
    along: str = "y",
    alpha: float = 1.0,
) -> None:
    """Draw the intervals there are, up and down or (along x) sideways of points at `x` and the estimates.

    A single repetition has none.
    """
    there = np.isfinite(interval.low)
    low, high, estimate = interval.low[there], interval.high[there], interval.estimate[there]
    # An end may lie beside the estimate by the last bit, or (quantiles around a mean) beyond it: errorbar
    # refuses that.
    middle = np.clip(estimate, low, high)
    reach = np.maximum([middle - low, high - middle], 0.0)
    upwards = along == "y"
    axes.errorbar(
        x[there] if upwards else middle,
        middle if upwards else x[there],
        yerr=reach if upwards else None,
        xerr=None if upwards else reach,
        fmt="none",
        ecolor=color,
        elinewidth=0.9,
        alpha=alpha,
    )
