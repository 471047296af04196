"""What lies along each axis of a graph: the scale and the ends that were asked for, and what they hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from experiments.series_file.sections.graphs import ScaleName
from meta.graphs.data.graph_data import Estimates, Outside
from meta.graphs.drawing.scene import Scene
from meta.graphs.kinds import curve, heatmap
from meta.graphs.kinds.profile import LARGE_FACTOR
from meta.graphs.theme import scales
from meta.records.errors import GraphError

Floats = NDArray[np.float64]
_Limits = tuple[float | None, float | None]

_WITHOUT_AXES = frozenset({"ranking", "timeline"})
_OF_READINGS = frozenset({"box", "violin", "strip", "ecdf", "histogram"})


_NOTHING = np.zeros(0)


@dataclass(frozen=True)
class _Along:
    """What lies along an axis.

    Attributes
    ----------
    shown : ndarray, shape (points,)
        Estimates, and readings where they are drawn.
    low, high : ndarray, shape (estimates,)
        The ends of the intervals of the first of `shown`; NaN where there is none.
    """

    shown: Floats
    low: Floats = field(default_factory=_NOTHING.copy)
    high: Floats = field(default_factory=_NOTHING.copy)

    @classmethod
    def of(cls, estimates: Sequence[Estimates], readings: Sequence[Floats] = ()) -> _Along:
        shown = np.concatenate([*(one.estimate for one in estimates), *readings])
        low, high = (np.concatenate([getattr(one, end) for one in estimates]) for end in ("low", "high"))
        return cls(shown, low, high)

    @property
    def everything(self) -> Floats:
        ends = np.concatenate([self.low, self.high])
        return np.concatenate([self.shown, ends[np.isfinite(ends)]])


def settle(panels: Sequence[Axes], scene: Scene) -> Outside:
    """Set scales and limits as asked for.

    Returns
    -------
    Outside
        What has no place on its scale or lies outside of the limits.

    Raises
    ------
    GraphError
        A scale has no place for anything, or x has no numbers that could be limited.
    """
    if scene.plan.kind == "heatmap":
        return Outside(cells=heatmap.outside(scene))
    if scene.plan.kind in _WITHOUT_AXES:
        return Outside()
    sides = []
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
        sides.append(_Side(along, scale, limits))
    return _outside(*sides)


def _scale(scene: Scene, which: str) -> ScaleName | None:
    asked: ScaleName | None = getattr(scene.plan.spec.scale, which)
    if asked is None and scene.plan.kind == "profile" and which == "x":
        widest = max(float(line.x[-1]) for line in scene.numbers.lines)
        return "log" if widest >= LARGE_FACTOR else None
    return asked


def _along(scene: Scene) -> dict[str, _Along]:
    """Return what lies along x and y."""
    lines = scene.numbers.lines
    points = scene.plan.spec.points
    if scene.plan.kind in _OF_READINGS:
        readings = _Along(np.concatenate([one for line in lines for one in line.readings]))
        if scene.axis is None:  # a share, or a count, stands upwards
            return {"x": readings, "y": _Along(np.ones(1))}
        return {"x": _Along(_NOTHING), "y": readings}
    estimates = [line.interval for line in lines]
    if scene.plan.kind == "scatter":
        behind = [one for line in lines for one in line.readings] if points else []
        across = [line.across for line in lines if line.across]
        return {
            "x": _Along.of(across, [one[:, 0] for one in behind]),
            "y": _Along.of(estimates, [one[:, 1] for one in behind]),
        }
    places = [line.x if scene.axis is None else scene.axis.at(line.x) for line in lines]
    if not points:
        return {"x": _Along(np.concatenate(places)), "y": _Along.of(estimates)}
    if scene.axis is None:
        runs = [run for line in lines for run in curve.runs(line)]
        beside, behind = [steps for steps, _ in runs], [readings for _, readings in runs]
    else:
        behind = [one for line in lines for one in line.readings]
        beside = [
            np.full(len(one), x)
            for line, xs in zip(lines, places, strict=True)
            for x, one in zip(xs, line.readings, strict=False)
        ]
    return {"x": _Along(np.concatenate([*places, *beside])), "y": _Along.of(estimates, behind)}


@dataclass(frozen=True)
class _Side:
    """An axis with what lies along it."""

    along: _Along
    scale: ScaleName | None
    limits: _Limits | None

    def hides(self, readings: Floats) -> NDArray[np.bool_]:
        """Say which finite readings are not on the axis."""
        low, high = self.limits or (None, None)
        shown = scales.has_place(readings, self.scale)
        shown &= (readings >= (-np.inf if low is None else low)) & (
            readings <= (np.inf if high is None else high)
        )
        hidden: NDArray[np.bool_] = ~shown & np.isfinite(readings)
        return hidden


def _outside(across: _Side, upwards: _Side) -> Outside:
    """Return how many points, and how many intervals of the others, are not on both axes."""
    sides = [across, upwards]
    hidden = [side.hides(side.along.shown) for side in sides]
    if len(hidden[0]) != len(hidden[1]):  # only one of the axes has readings
        return Outside(points=sum(map(np.count_nonzero, hidden)))
    either = hidden[0] | hidden[1]
    either &= np.isfinite(across.along.shown) & np.isfinite(upwards.along.shown)
    intervals = 0
    for side in sides:
        cut = side.hides(side.along.low) | side.hides(side.along.high)
        intervals += int(np.count_nonzero(cut & ~either[: len(cut)]))
    return Outside(points=int(np.count_nonzero(either)), intervals=intervals)
