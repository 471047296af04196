"""Curves: an estimate of a metric over steps or time, in a band that is its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from experiments.series_file.sections.graph_kinds import SECONDS
from experiments.series_file.sections.graphs import ScaleName
from meta.graphs.captions.estimates import estimates_text
from meta.graphs.data import per_step
from meta.graphs.data.graph_data import Line, Outside
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.axis_limits import Along, apply_limits
from meta.graphs.drawing.kind import DrawContext, Kind, entry_per_line
from meta.graphs.drawing.marks import band_or_whiskers, draw_band, isolated, on_scale
from meta.graphs.theme import scales
from meta.statistics.estimators.arrays import Floats

#: Curves of fewer points than this show where the points are.
_MARKED_POINTS = 15
#: Noise between more points than this needs a thinner line, in points.
_MANY_POINTS, _THIN = 300, 0.8
#: From here on steps are written with k and M.
_MANY_STEPS = 100_000
_RUN_ALPHA, _RUN_WIDTH = 0.3, 0.4


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one line and one band per entry of the legend, and single repetitions where they are wanted."""
    scale = context.plan.spec.scale.y
    for line in lines if context.plan.spec.points else ():
        _draw_runs(axes, line, scale)
    for line in lines:
        interval = on_scale(line.interval, scale)
        draw_band(axes, line.x, interval, color=line.style.color, shown=context.y_range)
    for line in lines:
        estimate = on_scale(line.interval, scale).estimate
        marked = np.isfinite(estimate) if _is_marked(line) else isolated(estimate)
        axes.plot(
            line.x,
            estimate,
            **line.style.stroke,
            marker=line.style.marker if marked.any() else None,
            markevery=np.flatnonzero(marked).tolist(),
            linewidth=_THIN if len(line.x) > _MANY_POINTS else None,
            label=line.label,
        )
    if context.plan.spec.scale.x in (None, "linear"):
        _set_ticks(axes, lines, is_step=context.plan.x != SECONDS)


def runs(line: Line) -> list[tuple[Floats, Floats]]:
    """Return the steps and the finite readings of the single repetitions that are drawn."""
    repetitions = [(matrix.steps, readings) for matrix in line.runs for readings in matrix.readings]
    return [
        (steps[np.isfinite(readings)], readings[np.isfinite(readings)])
        for steps, readings in repetitions[: per_step.MAX_RUNS]
    ]


def _draw_runs(axes: Axes, line: Line, scale: ScaleName | None) -> None:
    segments = [
        np.column_stack([steps, np.where(scales.has_place(readings, scale), readings, np.nan)])
        for steps, readings in runs(line)
    ]
    drawn = LineCollection(segments, colors=line.style.color, linewidths=_RUN_WIDTH, alpha=_RUN_ALPHA)
    axes.add_collection(drawn)


def _set_ticks(axes: Axes, lines: Sequence[Line], *, is_step: bool) -> None:
    if all(len(line.x) == 1 for line in lines):
        axes.set_xticks(sorted({float(line.x[0]) for line in lines}))
    elif is_step:
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 2.5, 5, 10]))
    if max((line.x[-1] for line in lines), default=0) >= _MANY_STEPS:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _is_marked(line: Line) -> bool:
    return len(line.x) < _MARKED_POINTS


def handle(lines: Sequence[Line]) -> Line2D:
    """Return the legend handle of the lines of one number on all panels."""
    line_style = lines[0].style
    marked = any(_is_marked(line) for line in lines)
    return Line2D([], [], **line_style.stroke, marker=line_style.marker if marked else None)


def labels(plan: Plan) -> tuple[str, str]:
    """Return the labels of the axes."""
    return "time since the start (s)" if plan.x == SECONDS else plan.x, plan.y.axis_label()


def caption(context: DrawContext) -> str:
    """Return the caption: the estimate, that it is smoothed, and which repetitions are drawn."""
    plan, lines = context.plan, context.data.lines
    mark = band_or_whiskers(lines, plan.spec.scale.y)
    text = estimates_text(plan, context.data, mark=mark)
    if plan.spec.smoothing:
        text += f" Smoothed over {plan.spec.smoothing:,} logged points."
    if plan.spec.points:
        most = max((int(line.interval.count.max()) for line in lines), default=0)
        many = most > per_step.MAX_RUNS
        text += f" Thin lines: {f'the first {per_step.MAX_RUNS} repetitions' if many else 'each repetition'}."
    return text


def details(context: DrawContext) -> list[str]:
    """Return what smoothing is, and what is drawn at a time."""
    sentences = []
    if context.plan.spec.smoothing:
        sentences.append("Smoothed: the running mean of each repetition, centred.")
    if context.plan.x == SECONDS:
        sentences.append(
            "At each time, the reading logged last; a repetition counts until its last point, later points "
            "are over the others."
        )
    return sentences


def limits(panels: Sequence[Axes], context: DrawContext) -> Outside:
    """Set scales and limits of the curves, and of the single repetitions that are drawn."""
    lines = context.data.lines
    drawn = [run for line in lines for run in runs(line)]
    x = Along(np.concatenate([*(line.x for line in lines), *(steps for steps, _ in drawn)]))
    y = Along.of([line.interval for line in lines], [values for _, values in drawn])
    return apply_limits(panels, context, x=x, y=y)


KIND = Kind(
    compute=per_step.compute,
    draw=draw,
    labels=labels,
    caption=caption,
    details=details,
    limits=limits,
    legend=entry_per_line(handle),
)
