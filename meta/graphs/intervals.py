"""Intervals: a band along a line, or whiskers with caps."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from meta.graphs import style
from meta.statistics.bootstrap import Interval


def draw_band(axes: Axes, x: NDArray[np.float64], interval: Interval, *, color: str) -> None:
    """Draw the intervals as a band; a single point, which has no width, gets whiskers."""
    if len(x) == 1:
        draw_whiskers(axes, x, interval, color=color)
        return
    axes.fill_between(x, interval.low, interval.high, color=color, alpha=style.BAND_ALPHA, linewidth=0)


def draw_whiskers(axes: Axes, x: NDArray[np.float64], interval: Interval, *, color: str) -> None:
    """Draw the intervals there are; a single repetition has none."""
    there = interval.count > 1
    low, high, estimate = interval.low[there], interval.high[there], interval.estimate[there]
    axes.errorbar(
        x[there],
        estimate,
        # An interval of width zero may lie beside its estimate by the last bit, which errorbar refuses.
        yerr=np.maximum([estimate - low, high - estimate], 0.0),
        fmt="none",
        ecolor=color,
        elinewidth=0.9,
    )
