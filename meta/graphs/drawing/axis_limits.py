"""The requested scales and limits of the axes of a graph, and how much they hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes

from experiments.series_file.sections.graphs import ScaleName
from meta.graphs.data.graph_data import Estimates, Line, Outside
from meta.graphs.data.per_value import marked
from meta.graphs.drawing.kind import DrawContext
from meta.graphs.theme import scales
from meta.records.errors import GraphError
from meta.statistics.estimators.arrays import Floats

_NOTHING = np.zeros(0)


@dataclass(frozen=True)
class Along:
    """The values along an axis.

    Attributes
    ----------
    shown : ndarray, shape (points,)
        Estimates, and values where they are drawn.
    low, high : ndarray, shape (estimates,)
        The ends of the intervals of the first of `shown`; NaN where there is none.
    """

    shown: Floats
    low: Floats = field(default_factory=_NOTHING.copy)
    high: Floats = field(default_factory=_NOTHING.copy)

    @classmethod
    def of(cls, estimates: Sequence[Estimates], values: Sequence[Floats] = ()) -> Along:
        """Return estimates with their intervals, and single values."""
        shown = np.concatenate([*(part.estimate for part in estimates), *values])
        low, high = (np.concatenate([getattr(part, end) for part in estimates]) for end in ("low", "high"))
        return cls(shown, low, high)

    @property
    def everything(self) -> Floats:
        """All values that a scale must be able to show, shape (points,)."""
        ends = np.concatenate([self.low, self.high])
        return np.concatenate([self.shown, ends[np.isfinite(ends)]])


def apply_limits(
    panels: Sequence[Axes],
    context: DrawContext,
    *,
    x: Along,
    y: Along,
    x_scale: ScaleName | None = None,
    keeps_x: bool = False,
) -> Outside:
    """Set scales and limits as asked for.

    Parameters
    ----------
    panels : sequence of Axes
    context : DrawContext
    x, y : Along
        What is drawn.
    x_scale : str, optional
        The scale of x unless the file has one.
    keeps_x : bool
        Whether the limits of x, unless the file has some, stay as they were drawn.

    Returns
    -------
    Outside
        What has no place on its scale or lies outside of the limits.

    Raises
    ------
    GraphError
        A scale has no place for anything, or x has no numbers that could be limited.
    """
    spec, axes = context.plan.spec, panels[0]  # the others share its axes
    if spec.limits.x is not None and context.axis is not None and not context.axis.is_numeric:
        raise GraphError("limits.x: the values of x stand side by side here; choose some of them (where)")
    across = scales.Range(spec.scale.x or x_scale, spec.limits.x)
    before = axes.get_xlim()
    if across.scale is not None and context.axis is None:  # the axis of a parameter has its scale already
        scales.apply(axes, "x", across.scale, x.everything)
    if keeps_x:
        axes.set_xlim(before)
    if across.limits is not None:
        axes.set_xlim(*across.limits)
    upwards = scales.Range(spec.scale.y, spec.limits.y)
    if upwards.scale is not None:
        scales.apply(axes, "y", upwards.scale, y.everything)
    if upwards.limits is not None:
        axes.set_ylim(*upwards.limits)
    return _outside(_Side(x, across), _Side(y, upwards))


def limit_estimates(panels: Sequence[Axes], context: DrawContext) -> Outside:
    """Set scales and limits of estimates against a parameter, with the values behind them if wanted."""
    lines = context.data.lines
    marks = [marked(context.plan, line) for line in lines]
    places = [context.x_axis.at(line.x) for line in lines]
    beside = [np.repeat(at, list(map(len, values))) for at, values in zip(places, marks, strict=True)]
    y = Along.of([line.interval for line in lines], [readings for values in marks for readings in values])
    return apply_limits(panels, context, x=Along(np.concatenate([*places, *beside])), y=y)


def limit_values(panels: Sequence[Axes], context: DrawContext) -> Outside:
    """Set scales and limits of values along y, per value of a parameter."""
    return apply_limits(panels, context, x=Along(_NOTHING), y=_values(context))


def limit_distribution(panels: Sequence[Axes], context: DrawContext) -> Outside:
    """Set scales and limits of values along x, with their share or count along y."""
    return apply_limits(panels, context, x=_values(context), y=Along(np.ones(1)))


def show_shares(axes: Axes, lines: Sequence[Line]) -> None:
    """Set the ends of an axis of shares; a line at 0 lies above the axis of x, which would hide it."""
    stays_at_0 = any(line.interval.estimate[-1] == 0 for line in lines)
    axes.set_ylim(-0.02 if stays_at_0 else 0.0, 1.02)


def _values(context: DrawContext) -> Along:
    return Along(np.concatenate([readings for line in context.data.lines for readings in line.readings]))


@dataclass(frozen=True)
class _Side:
    """An axis with what lies along it."""

    along: Along
    range: scales.Range


def _outside(across: _Side, upwards: _Side) -> Outside:
    """Count the points, and the intervals of the others, that are not on both axes."""
    sides = [across, upwards]
    unplaced = [side.range.unplaced(side.along.shown) for side in sides]
    hidden = [side.range.hides(side.along.shown) for side in sides]
    intervals = 0
    if len(hidden[0]) == len(hidden[1]):  # otherwise only one of the axes has readings
        drawn = np.isfinite(across.along.shown) & np.isfinite(upwards.along.shown)
        either = (hidden[0] | hidden[1]) & drawn
        for side in sides:
            cut = side.range.hides(side.along.low) | side.range.hides(side.along.high)
            intervals += int(np.count_nonzero(cut & ~either[: len(cut)]))
        without = unplaced[0] | unplaced[1]
        hidden = [either & ~without]
        unplaced = [unplaced[0] & drawn, unplaced[1] & ~unplaced[0] & drawn]
    else:
        hidden = [one & ~other for one, other in zip(hidden, unplaced, strict=True)]
    values: dict[ScaleName, Floats] = {}
    for side, places in zip(sides, unplaced, strict=True):
        if side.range.scale is not None and places.any():
            found = side.along.shown[places]
            values[side.range.scale] = np.concatenate([values.get(side.range.scale, _NOTHING), found])
    return Outside(values, sum(map(int, map(np.count_nonzero, hidden))), intervals)
