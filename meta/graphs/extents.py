"""What lies along each axis of a graph: the scale and the ends that were asked for, and what they hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from experiments.series_file.graphs import ScaleName
from meta.graphs import scales
from meta.graphs.errors import GraphError
from meta.graphs.numbers import Estimates
from meta.graphs.profile import LARGE_FACTOR
from meta.graphs.scene import Scene

Floats = NDArray[np.float64]
_Limits = tuple[float | None, float | None]

_WITHOUT_AXES = frozenset({"heatmap", "ranking", "timeline"})
_OF_READINGS = frozenset({"box", "violin", "strip", "ecdf", "histogram"})


@dataclass(frozen=True)
class _Along:
    """What lies along an axis: what is shown, and besides how far intervals reach."""

    shown: Floats
    reached: Floats

    @classmethod
    def of(cls, estimates: Sequence[Estimates]) -> _Along:
        ends = [np.concatenate([one.low, one.high]) for one in estimates]
        return cls(np.concatenate([one.estimate for one in estimates]), np.concatenate(ends))

    @property
    def everything(self) -> Floats:
        return np.concatenate([self.shown, self.reached[np.isfinite(self.reached)]])


def settle(panels: Sequence[Axes], scene: Scene) -> int:
    """Set scales and limits as asked for.

    Returns
    -------
    int
        How many points, or readings, have no place on their scale or lie outside of the limits.

    Raises
    ------
    GraphError
        A scale has no place for anything, or x has no numbers that could be limited.
    """
    if scene.plan.kind in _WITHOUT_AXES:
        return 0
    hidden = 0
    for which, along in _along(scene).items():
        limits = getattr(scene.plan.spec.limits, which)
        if limits is not None and which == "x" and scene.axis is not None and not scene.axis.is_numeric:
            raise GraphError("limits.x: the values of x stand side by side here; choose some of them (where)")
        scale = _scale(scene, which)
        is_set_up = which == "x" and scene.axis is not None
        for axes in panels[:1]:  # the others share its axes
            before = axes.get_xlim()
            if scale is not None and not is_set_up:
                scales.apply(axes, which, scale, along.everything)
            if scene.plan.kind == "profile" and which == "x":
                axes.set_xlim(before)
            if limits is not None:
                scales.limit(axes, which, limits)
        hidden += _hidden(along.shown, scale, limits)
    return hidden


def _scale(scene: Scene, which: str) -> ScaleName | None:
    asked: ScaleName | None = getattr(scene.plan.spec.scale, which)
    if asked is None and scene.plan.kind == "profile" and which == "x":
        widest = max(float(line.x[-1]) for line in scene.numbers.lines)
        return "log" if widest >= LARGE_FACTOR else None
    return asked


def _along(scene: Scene) -> dict[str, _Along]:
    """Return what lies along x and y."""
    lines = scene.numbers.lines
    nothing = np.zeros(0)
    estimates = _Along.of([line.interval for line in lines])
    if scene.plan.kind in _OF_READINGS:
        readings = _Along(np.concatenate([one for line in lines for one in line.readings]), nothing)
        if scene.axis is None:  # a share, or a count, stands upwards
            return {"x": readings, "y": _Along(np.ones(1), nothing)}
        return {"x": _Along(nothing, nothing), "y": readings}
    if scene.plan.kind == "scatter":
        return {"x": _Along.of([line.across for line in lines if line.across]), "y": estimates}
    if scene.axis is None:
        return {"x": _Along(np.concatenate([line.x for line in lines]), nothing), "y": estimates}
    if scene.plan.spec.points:
        behind = [one for line in lines for one in line.readings]
        estimates = _Along(np.concatenate([estimates.shown, *behind]), estimates.reached)
    places = np.concatenate([scene.axis.at(line.x) for line in lines])
    return {"x": _Along(places, nothing), "y": estimates}


def _hidden(
    readings: Floats, scale: ScaleName | None, limits: tuple[float | None, float | None] | None
) -> int:
    low, high = limits or (None, None)
    shown = scales.has_place(readings, scale)
    shown &= (readings >= (-np.inf if low is None else low)) & (
        readings <= (np.inf if high is None else high)
    )
    return int(np.count_nonzero(~shown & np.isfinite(readings)))
