"""The page: panels at a size that suits a printed column, legend and note below them, never over the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from meta.graphs import style, texts
from meta.graphs.values import shortened

#: Widths in inches: one column and two columns of a journal.
ONE_COLUMN, TWO_COLUMNS = 3.5, 7.0
#: Height of a panel in inches, by the number of panels beside each other.
_PANEL_HEIGHT = {1: 2.5, 2: 2.3, 3: 2.0, 4: 1.8}
_MARGIN = 0.06
#: Height of a line of the title in inches.
_TITLE_LINE = 0.16
#: Width in inches that a bar or box needs to be seen.
_SLOT = 0.11
_Y_AXIS = 0.6
_MAX_LEGEND_LABEL = 60
_MAX_LEGEND_COLUMNS = 8


@dataclass(frozen=True)
class Page:
    """A figure with empty panels; `axes` are in the order of the panels."""

    figure: Figure
    axes: Sequence[Axes]
    rows: int


def new_page(panels: int, *, slots: int) -> Page:
    """Return a figure for so many panels, each of which shows `slots` bars or boxes beside each other."""
    columns = _columns(panels)
    rows = -(-panels // columns)
    needed = columns * (_Y_AXIS + slots * _SLOT)
    width = min(max(ONE_COLUMN if columns == 1 else TWO_COLUMNS, needed), TWO_COLUMNS)
    figure = texts.measurable(Figure(figsize=(width, rows * _PANEL_HEIGHT[columns]), layout="constrained"))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    flat = [axes for row in grid for axes in row]
    for surplus in flat[panels:]:
        surplus.remove()
    axes = flat[:panels]
    for above in axes[max(0, panels - columns) :]:
        above.tick_params(labelbottom=True)
    return Page(figure, axes, rows)


def _columns(panels: int) -> int:
    if panels <= 3:
        return panels
    return 2 if panels == 4 else 3 if panels <= 9 else 4


def label_axes(page: Page, *, x: str, y: str) -> None:
    """Write the axis labels: y at the left of each row, x below the lowest panel of each column."""
    columns = _columns(len(page.axes))
    for number, axes in enumerate(page.axes):
        if number % columns == 0:
            axes.set_ylabel(
                texts.wrapped(y, page.figure, _PANEL_HEIGHT[columns] * 0.75, size=style.LABEL_SIZE)
            )
        if number + columns >= len(page.axes):
            axes.set_xlabel(x)


def finish(
    page: Page,
    *,
    higher_by: float,
    title: str | None,
    legend_title: str | None,
    entries: Sequence[tuple[Artist, str]],
    note: str,
) -> None:
    """Set title, legend and note, and make the figure as high as they need.

    `higher_by` is what labels of the x axis need in inches beyond one line.
    """
    figure = page.figure
    width, height = figure.get_size_inches()
    ragged = len(page.axes) > _columns(len(page.axes)) and len(page.axes) % _columns(len(page.axes))
    height += higher_by * (2 if ragged else 1)
    room = width - 2 * _MARGIN
    if title:
        lines = texts.wrapped(title, figure, room, size=style.TITLE_SIZE, weight="bold")
        figure.suptitle(lines, fontweight="bold")
        height += _TITLE_LINE * (lines.count("\n") + 1)
    text = figure.text(0, 0, texts.wrapped(note, figure, room, size=style.NOTE_SIZE), color="0.35")
    text.set(fontsize=style.NOTE_SIZE, linespacing=1.25, in_layout=False)
    below = 2 * _MARGIN + texts.height(text, figure)
    legend = _legend(figure, entries, legend_title, width) if entries else None
    legend_from = below
    if legend is not None:
        below += texts.height(legend, figure) + _MARGIN
    height += below
    figure.set_size_inches(width, height)
    text.set_position((_MARGIN / width, _MARGIN / height))
    if legend is not None:
        legend.set_bbox_to_anchor((0.5, legend_from / height))
    figure.set_layout_engine("constrained", rect=(0, below / height, 1, 1 - (below + _MARGIN / 2) / height))


def _legend(figure: Figure, entries: Sequence[tuple[Artist, str]], title: str | None, width: float) -> Legend:
    """Return the legend with as many columns as fit."""
    labels = shortened([label for _, label in entries], _MAX_LEGEND_LABEL)
    for most in range(min(len(entries), _MAX_LEGEND_COLUMNS), 0, -1):
        rows = -(-len(entries) // most)
        columns = -(-len(entries) // rows)  # as few as these rows need
        legend = figure.legend(
            [handle for handle, _ in entries],
            labels,
            title=title,
            ncols=columns,
            loc="lower center",
            borderaxespad=0.2,
        )
        legend.set_in_layout(False)
        if columns == 1 or texts.width(legend, figure) <= width:
            return legend
        legend.remove()
    raise AssertionError("one column always fits")
