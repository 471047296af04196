"""Violins: the density of a result over the repetitions, per value of a parameter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import gaussian_kde

from meta.graphs.captions.estimates import summaries_text
from meta.graphs.data.graph_data import Line
from meta.graphs.drawing.kind import DrawContext, area, entry_per_line
from meta.graphs.drawing.marks import draw_values
from meta.graphs.drawing.side_by_side import of_values
from meta.graphs.theme import scales, style
from meta.statistics.estimators.arrays import Floats

#: Fewer readings than this are drawn themselves: their density would mostly show the kernel.
MIN_READINGS = 10
_PLACES = 200


def density(readings: Floats) -> tuple[Floats, Floats]:
    """Return the Gaussian kernel density with Scott's bandwidth (D. W. Scott, 1992, chapter 6).

    It is cut at the smallest and the largest reading, beyond which nothing was seen. Readings that are all
    equal have no density: they make a flat line.

    Returns
    -------
    at : ndarray, shape (places,)
        From the smallest to the largest reading.
    heights : ndarray, shape (places,)
        In units of the largest.
    """
    low, high = float(readings.min()), float(readings.max())
    # In units of the range, so that nothing overflows and equal readings are found whatever their size.
    reach = high - low
    if not reach > 1e-12 * max(abs(low), abs(high)):
        return np.array([low, high]), np.ones(2)
    places = np.linspace(0.0, 1.0, _PLACES)
    heights = gaussian_kde((readings - low) / reach)(places)
    return low + reach * places, heights / heights.max()


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw one violin per point with its quartiles, or its readings when they are few."""
    scale = context.plan.spec.scale.y
    everything = np.concatenate([readings for line in context.data.lines for readings in line.readings])
    transform = scales.transform(scale, everything)
    for line in lines:
        places, width = context.beside(line)
        for x, readings in zip(places, line.readings, strict=True):
            on_scale = readings[scales.has_place(readings, scale)]
            if len(on_scale) < MIN_READINGS:
                draw_values(axes, float(x), readings, line.style, alpha=1.0)
                continue
            # A density is one along the axis drawn: a tail that a scale shortens would look like a peak.
            at, heights = density(transform.transform(on_scale))
            at = np.clip(transform.inverted().transform(at), on_scale.min(), on_scale.max())
            half = heights * width * 0.45
            axes.fill_betweenx(at, x - half, x + half, label=line.label, **line.style.fill)
            if context.plan.spec.points:
                draw_values(axes, float(x), readings, line.style, width=width * 0.3)
            first, median, third = np.quantile(readings, [0.25, 0.5, 0.75])
            axes.vlines(x, first, third, color=style.text_color(), linewidth=1.6)
            # The edge shows a median at the end of the violin, where half of the dot is outside.
            axes.plot(
                [x],
                [median],
                marker="o",
                markersize=3.2,
                markerfacecolor=style.background_color(),
                markeredgecolor=style.text_color(),
                markeredgewidth=0.6,
                zorder=3,
            )


def caption(context: DrawContext) -> str:
    """Return the caption: the parts of a violin, if any violin is drawn."""
    spec = context.plan.spec
    which_scale = "" if spec.scale.y in (None, "linear") else f", on the {spec.scale.y} scale"
    parts = (
        f"Violins: Gaussian kernel density (Scott's bandwidth{which_scale}), cut at the "
        "extreme readings, all equally wide; dot and line: median and quartiles"
        f"{'; small marks: each reading.' if spec.points else '.'}"
    )
    return summaries_text(context.data, parts, least=MIN_READINGS)


KIND = of_values(draw=draw, caption=caption, legend=entry_per_line(area))
