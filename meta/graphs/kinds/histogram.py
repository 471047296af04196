"""Histograms: how many experiments have a result within each bin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from experiments.series_file.sections.graphs import ScaleName
from meta.graphs.data.csv_rows import Row, of_line
from meta.graphs.data.graph_data import GraphData, Line
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.axis_limits import limit_distribution
from meta.graphs.drawing.kind import DrawContext, Kind, each_value, entry_per_line, stroke
from meta.graphs.theme import scales
from meta.statistics.estimators.arrays import Floats

#: More bins than this would be too narrow to see, whatever the rule of their width gives.
_MOST_BINS = 60
#: So many histograms are filled; more hide each other, and are outlines.
_MOST_FILLED = 2


def edges(data: GraphData, *, bins: int | None, scale: ScaleName | None) -> Floats:
    """Return the edges of the bins, which all lines and panels share, so that areas can be compared.

    Without a number of bins they are as wide as the narrowest that Freedman and Diaconis' or Sturges' rule
    asks for (numpy's "auto"). They are equally wide on the scale drawn.
    """
    readings = np.concatenate([reading for line in data.lines for reading in line.readings])
    transform = scales.transform(scale, readings)
    on_scale = readings[scales.has_place(readings, scale)]
    places = transform.transform(on_scale) if len(on_scale) else np.zeros(1)
    low, high = float(places.min()), float(places.max())
    if not high - low > 1e-12 * max(abs(low), abs(high)):  # all equal: one bin around them
        margin = 0.5 if low == 0 else abs(low) * 0.05
        low, high = low - margin, high + margin
    elif bins is None:
        bins = min(len(np.histogram_bin_edges(places, bins="auto")) - 1, _MOST_BINS)
    ends: Floats = transform.inverted().transform(np.linspace(low, high, (bins or 1) + 1))
    if len(on_scale):  # there and back again, the extremes may have got a last bit that leaves them out
        ends[0], ends[-1] = min(ends[0], on_scale.min()), max(ends[-1], on_scale.max())
    return ends


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one histogram per entry of the legend, outlined and, when there are few, filled."""
    spec = context.plan.spec
    ends = edges(context.data, bins=spec.bins, scale=spec.scale.x)
    for line in lines:
        counts, _ = np.histogram(line.readings[0], bins=ends)
        if context.count <= _MOST_FILLED:
            axes.stairs(counts, ends, fill=True, color=line.style.color, alpha=0.3, linewidth=0)
        axes.stairs(
            counts,
            ends,
            edgecolor=line.style.color,
            linestyle=line.style.dash,
            linewidth=1.1,
            label=line.label,
        )
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def bins(plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield the bins: ``n`` readings from ``low`` on and, but for the last bin, below ``high``."""
    ends = edges(data, bins=plan.spec.bins, scale=plan.spec.scale.x)
    for line in data.lines:
        counts, _ = np.histogram(line.readings[0], bins=ends)
        for (low, high), count in zip(pairwise(ends.tolist()), counts.tolist(), strict=True):
            yield {**of_line(plan, line), "low": low, "high": high, "n": count}


KIND = Kind(
    draw=draw,
    labels=lambda plan: (plan.y.axis_label(), "experiments"),
    caption=each_value,
    limits=limit_distribution,
    rows=bins,
    legend=entry_per_line(stroke),
)
