"""Heatmaps: an estimate of a result as colour, per value of two parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize, SymLogNorm
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from experiments.series_file.sections.graphs import ScaleName
from meta.graphs.captions.estimates import estimates_text
from meta.graphs.captions.phrases import range_text
from meta.graphs.data.csv_rows import Row, estimates
from meta.graphs.data.graph_data import GraphData, Line, Outside, SampleSizes
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.kind import DrawContext, Kind
from meta.graphs.drawing.side_by_side import categories
from meta.graphs.theme import scales, style, text_size
from meta.graphs.theme.layout import Page, PageSpec
from meta.records.errors import GraphError
from meta.records.value_set import shortened
from meta.statistics.estimators.arrays import Floats

#: A cell lower than this, in inches, has no room for its number, or besides for how often it was repeated.
_ONE_LINE, _TWO_LINES = 0.12, 0.22
#: What a number needs beside it, in inches.
_BESIDE = 0.06
_MAX_DIGITS = 6
_MAX_LABEL = 24
_LIGHT = 0.42
#: Height in inches of a row.
_ROW = 0.2


def norm(plan: Plan, data: GraphData) -> Normalize:
    """Return the mapping of numbers to colours that all panels share.

    Raises
    ------
    GraphError
        The scale can show none of the numbers.
    """
    estimates = np.concatenate([line.interval.estimate for line in data.lines])
    scale = plan.spec.scale.color or "linear"
    if scale == "logit":
        raise GraphError("scale.color: logit means nothing for colours; use linear, log or symlog")
    if scale == "log":
        estimates = estimates[scales.has_place(estimates, "log")]
        if not len(estimates):
            raise GraphError("scale.color: log needs positive values, and there are none; use symlog")
    low, high = plan.spec.limits.color or (None, None)
    low = float(estimates.min()) if low is None else low
    high = float(estimates.max()) if high is None else high
    if not low < high:
        low, high = low - abs(low) * 0.05 - 1e-300, high + abs(high) * 0.05 + 1e-300
    if scale == "log":
        return LogNorm(low, high)
    if scale == "symlog":
        return SymLogNorm(scales.smallest(estimates), vmin=low, vmax=high)
    return Normalize(low, high)


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw a row of cells per line, hatched where there is nothing."""
    names = {line.number: line.label for line in context.data.lines}
    columns, rows = len(context.x_axis.labels), [names.get(row, "") for row in range(context.count)]
    values, _ = _table(lines, columns, len(rows))
    axes.add_patch(
        Rectangle(
            (-0.5, -0.5),
            columns,
            len(rows),
            facecolor="none",
            edgecolor=style.text_color(),
            alpha=0.35,
            hatch="////",
            linewidth=0,
        )
    )
    axes.pcolormesh(
        np.arange(columns + 1) - 0.5,
        np.arange(len(rows) + 1) - 0.5,
        np.ma.masked_invalid(values),
        norm=norm(context.plan, context.data),
        zorder=1.5,
    )
    upwards = context.plan.values[context.plan.hues[0]].is_axis()
    axes.set_ylim((-0.5, len(rows) - 0.5) if upwards else (len(rows) - 0.5, -0.5))
    axes.set_yticks(range(len(rows)), shortened(rows, _MAX_LABEL))
    axes.grid(visible=False)
    axes.tick_params(length=0)


def limits(_panels: Sequence[Axes], context: DrawContext) -> Outside:
    """Count the cells beyond the ends of the colour scale."""
    scale = norm(context.plan, context.data)
    estimates = np.concatenate([line.interval.estimate for line in context.data.lines])
    return Outside(
        cells=int(np.count_nonzero(estimates < scale.vmin) + np.count_nonzero(estimates > scale.vmax))
    )


def numerals(values: Floats, scale: ScaleName | None = None) -> list[str]:
    """Return the numbers of cells, all with the same number of decimals.

    They are as many as the largest number needs for three significant digits, and more where the numbers lie
    so near to each other that their differences would have less than two. Where the scale shows ratios, each
    number has as many significant digits instead.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0:
        return ["0"] * len(values)
    first = math.floor(math.log10(largest))
    spread = float(np.ptp(values))
    # What differs by the last bits only is equal.
    differ = first - math.floor(math.log10(spread)) + 2 if spread > 1e-9 * largest else 0
    digits = min(max(differ, 3), _MAX_DIGITS)
    decimals = digits - 1 - first
    if scale in ("log", "symlog") or not -3 <= decimals <= _MAX_DIGITS:
        return [f"{value:#.{digits}g}".rstrip(".") for value in values]
    decimals = 0 if (values == np.round(values)).all() else max(decimals, 0)
    return [f"{value + 0.0:.{decimals}f}" for value in np.round(values, decimals)]


def write_values(page: Page, context: DrawContext) -> None:
    """Write its number into each cell, if there is room in all of them; the page is laid out already."""
    figure, panels = page.figure, page.axes
    figure.draw_without_rendering()
    colors = ScalarMappable(norm(context.plan, context.data))
    columns, rows = len(context.x_axis.labels), context.count
    sizes = [axes.get_window_extent() for axes in panels]
    width = min(size.width for size in sizes) / figure.dpi / columns
    height = min(size.height for size in sizes) / figure.dpi / rows
    sample_sizes = SampleSizes.joined([line.interval.sample_sizes for line in context.data.lines])
    differ = sample_sizes.fewest.min() < sample_sizes.most.max()
    tables = [_table(panel.lines, columns, rows) for panel in context.data.panels]
    everything = np.concatenate([values[np.isfinite(values)] for values, _ in tables])
    written = numerals(everything, context.plan.spec.scale.color)
    remaining = iter(written)
    ns = {f"n={count}" for _, repetitions in tables for count in repetitions.flat} if differ else set()
    room = _BESIDE + max(text_size.measured(text, figure, size=style.NOTE_SIZE) for text in (*written, *ns))
    if width < room or height < (_TWO_LINES if differ else _ONE_LINE):
        return
    for axes, (values, repetitions) in zip(panels, tables, strict=True):
        for row, column in np.argwhere(np.isfinite(values)):
            red, green, blue, is_visible = colors.to_rgba(values[row, column])
            text = next(remaining) + (f"\nn={repetitions[row, column]}" if differ else "")
            light = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > _LIGHT else "white"
            axes.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                fontsize=style.NOTE_SIZE,
                linespacing=1.0,
                color=light if is_visible else style.text_color(),
            )


def _table(lines: Sequence[Line], columns: int, rows: int) -> tuple[Floats, NDArray[Any]]:
    """Return the values, NaN where there is none, and the numbers of repetitions, as texts."""
    values, repetitions = np.full((rows, columns), np.nan), np.full((rows, columns), "", dtype=object)
    for line in lines:
        places, sample_sizes = line.x.astype(np.int64), line.interval.sample_sizes
        values[line.number, places] = line.interval.estimate
        ranges = zip(sample_sizes.fewest.tolist(), sample_sizes.most.tolist(), strict=True)
        repetitions[line.number, places] = [range_text(*ends).replace(" to ", "-") for ends in ranges]
    return values, repetitions


def draw_bar(page: Page, context: DrawContext) -> None:
    """Draw the scale of colours beside the panels, with a label not longer than it."""
    figure, height = page.figure, 0.8 * page.rows * page.panel_height
    colors = ScalarMappable(norm(context.plan, context.data))
    estimates = np.concatenate([line.interval.estimate for line in context.data.lines])
    estimates = estimates[scales.has_place(estimates, context.plan.spec.scale.color)]
    below, above = (estimates < colors.norm.vmin).any(), (estimates > colors.norm.vmax).any()
    extend = "both" if below and above else "min" if below else "max" if above else "neither"
    bar = figure.colorbar(colors, ax=list(page.axes), pad=0.02, fraction=0.08, aspect=25, extend=extend)
    label = context.plan.spec.labels.color or context.plan.y.axis_label()
    bar.set_label(text_size.wrapped(label, figure, height, size=style.LABEL_SIZE))
    bar.outline.set_linewidth(0.4)
    if context.plan.spec.scale.color == "log":
        bar.locator = scales.log_locator(*bar.ax.get_ylim())
        bar.update_ticks()
    if context.plan.spec.scale.color in ("log", "symlog"):
        scales.write_plainly(bar.ax.yaxis)


def cells(plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield the cells: ``value`` over ``n`` readings."""
    for row in estimates(plan, data):
        yield {name: value for name, value in row.items() if name not in ("low", "high", "interval")}


def page(context: DrawContext) -> PageSpec:
    """Return a page whose cells are wide enough for numbers."""
    height = max(1.6, 0.6 + _ROW * context.count)
    return PageSpec(3 * len(context.x_axis.labels), context.plan.spec.size, height)


KIND = Kind(
    draw=draw,
    labels=lambda plan: (plan.x, plan.hues[0]),
    caption=lambda context: estimates_text(context.plan, context.data, mark=""),
    limits=limits,
    rows=cells,
    axis=lambda plan: replace(categories(plan), margin=0.0),
    page=page,
    draw_beside=draw_bar,
    draw_texts=write_values,
)
