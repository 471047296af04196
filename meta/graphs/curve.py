"""Curves: the mean of a metric over steps, in a band that is its interval."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from meta.graphs import style
from meta.graphs.intervals import draw_band
from meta.graphs.panels import Line

#: Curves of fewer points than this show where the points are.
_MARKED_POINTS = 15
#: Noise between more points than this needs a thinner line, in points.
_MANY_POINTS, _THIN = 300, 0.8
#: From here on steps are written with k and M.
_MANY_STEPS = 100_000


def draw(axes: Axes, lines: Sequence[Line]) -> None:
    """Draw one line and one band per entry of the legend."""
    for line in lines:
        draw_band(axes, line.x, line.interval, color=style.color(line.number))
    for line in lines:
        axes.plot(
            line.x,
            line.interval.estimate,
            color=style.color(line.number),
            linestyle=style.dash(line.number),
            marker=style.marker(line.number) if _is_marked(line) else None,
            linewidth=_THIN if len(line.x) > _MANY_POINTS else None,
            label=line.label,
        )
    if all(len(line.x) == 1 for line in lines):
        axes.set_xticks(sorted({float(line.x[0]) for line in lines}))
    else:
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 2.5, 5, 10]))
    if max((line.x[-1] for line in lines), default=0) >= _MANY_STEPS:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _is_marked(line: Line) -> bool:
    return len(line.x) < _MARKED_POINTS


def handle(number: int, lines: Sequence[Line]) -> Line2D:
    """Return what stands for `lines`, those of that number on all panels, in the legend."""
    marked = any(_is_marked(line) for line in lines)
    return Line2D(
        [],
        [],
        color=style.color(number),
        linestyle=style.dash(number),
        marker=style.marker(number) if marked else None,
    )
