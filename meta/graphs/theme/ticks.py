"""Labels of the x axis that do not lie over each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import inf

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from meta.graphs.theme import style, text_size


def fit_labels(figure: Figure, panels: Sequence[Axes]) -> float:
    """Turn the labels of the x axis, and leave some out, until none lies over its neighbour.

    Returns
    -------
    float
        How much higher, in inches, the labels are than one line.
    """
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.execute(figure)  # the panels get their widths, which is less than half of drawing
    lowest = [axes for axes in panels if axes.xaxis.get_tick_params()["labelbottom"]]
    angle = max(_fitting_angle(axes, figure) for axes in lowest)
    if not angle:
        return 0.0
    for axes in lowest:
        axes.tick_params(axis="x", rotation=angle)
        for label in axes.get_xticklabels():
            label.set(rotation_mode="anchor", ha="right", va="top" if angle < 90 else "center")
    # The panels share their ticks: what fits one fits all.
    _thin_out(lowest[0], figure)
    highest = max(text_size.height(label, figure) for axes in lowest for label in axes.get_xticklabels())
    return max(0.0, highest - _line(figure) / figure.dpi)


def _fitting_angle(axes: Axes, figure: Figure) -> int:
    """Return the smallest angle in degrees at which the labels fit, or 90."""
    widths = [text_size.width(label, figure) * figure.dpi for label in axes.get_xticklabels()]
    gaps = _gaps(axes)
    needed = [(left + right) / 2 + 0.6 * _line(figure) for left, right in pairwise(widths)]
    if all(gap >= need for gap, need in zip(gaps, needed, strict=True)):
        return 0
    return 45 if min(gaps, default=inf) >= 1.5 * _line(figure) else 90


def _thin_out(axes: Axes, figure: Figure) -> None:
    """Leave out labels that would overlap even upright."""
    step = int(-(-_line(figure) // min(_gaps(axes), default=inf)))
    if step > 1:
        labels = [label.get_text() for label in axes.get_xticklabels()]
        axes.set_xticks(axes.get_xticks()[::step], labels[::step])


def _gaps(axes: Axes) -> list[float]:
    """Return the distances between neighbouring ticks of the x axis, in pixels."""
    places = [float(axes.transData.transform((x, 0))[0]) for x in axes.get_xticks()]
    return [right - left for left, right in pairwise(places)]


def _line(figure: Figure) -> float:
    """Return the height of a line of tick labels, in pixels."""
    return style.TICK_SIZE * 1.3 / 72 * figure.dpi
