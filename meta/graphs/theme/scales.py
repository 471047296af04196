"""Scales of axes: linear, log, symlog and logit, with labels that are plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.scale import LogitTransform, LogTransform, SymmetricalLogTransform
from matplotlib.ticker import (
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    SymmetricalLogLocator,
)
from matplotlib.transforms import IdentityTransform, Transform

from experiments.series_file.sections.graphs import ScaleName
from meta.records.errors import GraphError
from meta.statistics.estimators.arrays import Booleans, Floats

#: Smaller numbers than this have few digits left, and their tenth is 0.
_LEAST = 1e-300
#: More decades than this leave no room for anything: on one side of 0, and on each of both.
_MOST_DECADES, _MOST_DECADES_OF_EACH = 8, 6


def smallest(readings: Floats) -> float:
    """Return the distance from 0 within which a symlog scale is linear.

    It is a power of ten, so that no tick lies within: that below the reading nearest to 0, yet not further
    from the furthest than can be distinguished.
    """
    finite = readings[np.isfinite(readings)]
    distances = np.abs(finite)
    distances = distances[distances >= _LEAST]
    if not len(distances):
        return 1.0
    most = _MOST_DECADES_OF_EACH if finite.min() < 0 < finite.max() else _MOST_DECADES
    nearest = max(float(distances.min()), float(distances.max()) * 10.0**-most)
    return float(10.0 ** math.floor(math.log10(nearest)))


def has_place(readings: Floats, scale: ScaleName | None) -> Booleans:
    """Return which values a scale can show, shape (values,)."""
    finite = np.isfinite(readings)
    if scale == "log":
        return finite & (readings >= _LEAST)
    return finite & (readings > 0) & (readings < 1) if scale == "logit" else finite


@dataclass(frozen=True)
class Range:
    """What has a place on an axis.

    Attributes
    ----------
    scale : str or None
    limits : tuple of float or None
        Those that were asked for; None for an end that follows from what is drawn.
    """

    scale: ScaleName | None = None
    limits: tuple[float | None, float | None] | None = None

    def unplaced(self, readings: Floats) -> Booleans:
        """Return which finite values have no place on the scale, shape (values,)."""
        unplaced: Booleans = ~has_place(readings, self.scale) & np.isfinite(readings)
        return unplaced

    def hides(self, readings: Floats) -> Booleans:
        """Return which finite values are not on the axis, shape (values,)."""
        low, high = self.limits or (None, None)
        within = (readings >= (-np.inf if low is None else low)) & (
            readings <= (np.inf if high is None else high)
        )
        hidden: Booleans = (~within & np.isfinite(readings)) | self.unplaced(readings)
        return hidden


#: Of an axis that has a place for every value.
EVERYTHING = Range()


def transform(scale: ScaleName | None, readings: Floats) -> Transform:
    """Return the transform of values to positions on a scale, up to a factor."""
    if scale == "log":
        return LogTransform(10)
    if scale == "logit":
        return LogitTransform()
    return SymmetricalLogTransform(10, smallest(readings), 1) if scale == "symlog" else IdentityTransform()


def apply(axes: Axes, which: str, scale: ScaleName, readings: Floats) -> None:
    """Set the scale of an axis.

    Parameters
    ----------
    axes : Axes
    which : str
        ``x`` or ``y``.
    scale : str
    readings : ndarray
        What is drawn along the axis.

    Raises
    ------
    GraphError
        The scale has no place for any of them.
    """
    if not has_place(readings, scale).any():
        wanted = "positive" if scale == "log" else "between 0 and 1"
        raise GraphError(f"scale.{which}: {scale} needs values that are {wanted}; use linear or symlog")
    set_scale = axes.set_xscale if which == "x" else axes.set_yscale
    if scale == "linear":
        set_scale("linear")
        return
    axis = axes.xaxis if which == "x" else axes.yaxis
    if scale == "symlog":
        linear = smallest(readings)
        set_scale("symlog", linthresh=linear)
        locator = SymmetricalLogLocator(base=10, linthresh=linear)
        locator.set_params(numticks=7)
        axis.set_major_locator(locator)
        # The ends were chosen while the axis was linear.
        axes.autoscale_view(scalex=which == "x", scaley=which == "y")
    else:
        set_scale(scale, nonpositive="clip")
    write_plainly(axis)
    if scale == "log":
        # A bar, whose lower end a logarithmic scale cannot show, must not extend the axis.
        shown = readings[has_place(readings, scale)]
        set_limits = axes.set_xlim if which == "x" else axes.set_ylim
        low, high = float(shown.min()), float(shown.max())
        margin = max((high / low) ** 0.04, 1.05)
        set_limits(low / margin, high * margin)
        axis.set_major_locator(log_locator(low, high))


def log_locator(low: float, high: float) -> Locator:
    """Return the tick locator of a logarithmic axis: powers of ten, unless it spans hardly one."""
    decades = math.log10(high / low)
    if decades < 1:
        return MaxNLocator(5)
    return LogLocator(subs=(1.0, 2.0, 5.0) if decades < 2 else (1.0,), numticks=7)


def write_plainly(axis: Axis) -> None:
    """Write ticks as numbers: matplotlib's own powers would need its formulas, which names may not be."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
