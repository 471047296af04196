"""Marks: bands and whiskers for intervals, and jittered dots for single values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.markers import CARETDOWN, CARETLEFT, CARETRIGHT, CARETUP
from numpy.typing import NDArray

from experiments.series_file.sections.graphs import ScaleName
from meta.graphs.data.graph_data import Estimates, Line
from meta.graphs.data.per_value import marked
from meta.graphs.data.plan import Plan
from meta.graphs.theme import scales, style
from meta.graphs.theme.style import LineStyle
from meta.statistics.estimators.arrays import Floats

#: Size of the arrow of a whisker that goes on, in points.
_ARROW = 6.0
#: Opacity of the dots of values behind an estimate.
_VALUE_ALPHA = 0.45


def on_scale(interval: Estimates, scale: ScaleName | None) -> Estimates:
    """Return the estimates with NaN, and no interval, for those that a scale cannot show.

    A line to such a point would be drawn to the end of the axis, where there is no reading.
    """
    has_place = scales.has_place(interval.estimate, scale)
    estimate, low, high = np.where(has_place, (interval.estimate, interval.low, interval.high), np.nan)
    return replace(interval, estimate=estimate, low=low, high=high)


def isolated(values: Floats) -> NDArray[np.bool_]:
    """Return which points have no neighbours that a line could lead to, shape (points,)."""
    is_finite = np.concatenate(([False], np.isfinite(values), [False]))
    alone: NDArray[np.bool_] = is_finite[1:-1] & ~is_finite[:-2] & ~is_finite[2:]
    return alone


def band_or_whiskers(lines: Sequence[Line], scale: ScaleName | None) -> str:
    """Return how intervals are drawn: in a band, but by whiskers at points without neighbours."""
    lows = [on_scale(line.interval, scale).low for line in lines]
    single = np.concatenate([np.zeros(0, dtype=bool), *(isolated(low)[np.isfinite(low)] for low in lows)])
    if single.all():
        return "whiskers"
    return "band, or whiskers at single points" if single.any() else "band"


def draw_band(
    axes: Axes, x: Floats, interval: Estimates, *, color: str, shown: scales.Range = scales.EVERYTHING
) -> None:
    """Draw the intervals as a band; a point without neighbours, which has no width, gets whiskers.

    A band without an end on the axis is filled to the end of the axis.
    """
    single = isolated(interval.low)
    if single.any():
        draw_whiskers(axes, x[single], interval.at(single), color=color, shown=shown)
    if not single.all():
        axes.fill_between(x, interval.low, interval.high, color=color, alpha=style.BAND_ALPHA, linewidth=0)


def draw_whiskers(  # noqa: PLR0913 - what is drawn, where and how
    axes: Axes,
    x: Floats,
    interval: Estimates,
    *,
    color: str,
    along: str = "y",
    alpha: float = 1.0,
    shown: scales.Range = scales.EVERYTHING,
) -> None:
    """Draw the intervals there are, up and down or (along x) sideways of points at `x` and the estimates.

    An end that is not on the axis, of which `shown` is the range, is an arrow at the end of the axis.
    """
    has_interval = np.isfinite(interval.low)
    low, high, estimate = (
        interval.low[has_interval],
        interval.high[has_interval],
        interval.estimate[has_interval],
    )
    # An end may lie beside the estimate by the last bit, or (quantiles around a mean) beyond it: errorbar
    # refuses that.
    middle = np.clip(estimate, low, high)
    reach = np.maximum([middle - low, high - middle], 0.0)
    upwards = along == "y"
    axes.errorbar(
        x[has_interval] if upwards else middle,
        middle if upwards else x[has_interval],
        yerr=reach if upwards else None,
        xerr=None if upwards else reach,
        fmt="none",
        ecolor=color,
        elinewidth=0.9,
        alpha=alpha,
    )
    seen = ~shown.hides(estimate)
    transform = axes.get_xaxis_transform() if upwards else axes.get_yaxis_transform()
    markers = (CARETDOWN, CARETUP) if upwards else (CARETLEFT, CARETRIGHT)
    for at, (end, marker) in enumerate(zip((low, high), markers, strict=True)):
        places = x[has_interval][shown.hides(end) & seen]
        if len(places):
            ends = np.full(len(places), float(at))
            axes.plot(
                places if upwards else ends,
                ends if upwards else places,
                linestyle="none",
                marker=marker,
                markersize=_ARROW,
                color=color,
                alpha=alpha,
                transform=transform,
            )


def jitter(count: int, width: float) -> Floats:
    """Return offsets of `count` dots across `width`, the same each time.

    They follow the golden ratio (R. Dixon, Mathographics, 1987), so that neighbours in order are far apart
    and no two dots of equal height hide each other.
    """
    places = np.arange(count, dtype=np.float64)
    offsets: Floats = (np.mod(places * 0.6180339887498949, 1.0) - 0.5) * width
    return offsets if count > 1 else np.zeros(count)


def draw_marked(axes: Axes, x: Floats, line: Line, plan: Plan, *, width: float = 0.0) -> None:
    """Draw the readings of points at `x` that are marks: all, paler than estimates, or both of two."""
    alpha = _VALUE_ALPHA if plan.spec.points else 1.0
    for place, readings in zip(x.tolist(), marked(plan, line), strict=True):
        if len(readings):
            draw_values(axes, place, readings, line.style, width=width, alpha=alpha)


def draw_values(
    axes: Axes,
    x: float,
    values: Floats,
    line_style: LineStyle,
    *,
    width: float = 0.0,
    alpha: float = _VALUE_ALPHA,
) -> None:
    """Draw one dot per value around `x`, in the colour and with the marker of its line."""
    axes.plot(
        x + jitter(len(values), width),
        values,
        **line_style.marks,
        markersize=2.6,
        markeredgewidth=0.5,
        markerfacecolor="none",
        alpha=alpha,
        zorder=2.5,
    )
