"""The page: panels at a size that suits a printed column, legend and note below them, never over the data."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from meta.graphs.theme import style, text_size
from meta.records.errors import GraphError
from meta.records.value_set import shortened

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
#: A panel lower than this, in inches with its labels, shows nothing.
_LEAST_PANEL = 1.2
_MAX_COLUMNS = 6
_MAX_LEGEND_LABEL = 60
_MAX_LEGEND_COLUMNS = 8


@dataclass(frozen=True)
class Page:
    """A figure with empty panels.

    Attributes
    ----------
    figure : Figure
    axes : sequence of Axes
        In the order of the panels.
    places : sequence of tuple of int
        Row and column of each.
    rows : int
    panel_height : float
        In inches.
    fixed_height : float or None
        Of the whole figure, in inches, where it was asked for.
    """

    figure: Figure
    axes: Sequence[Axes]
    places: Sequence[tuple[int, int]]
    rows: int
    panel_height: float
    fixed_height: float | None = None

    def lowest(self) -> list[int]:
        """Return the panels that have none below them."""
        bottom = {
            column: max(row for row, other in self.places if other == column) for _, column in self.places
        }
        return [number for number, (row, column) in enumerate(self.places) if row == bottom[column]]

    def leftmost(self) -> list[int]:
        """Return the panels that have none to their left."""
        left = {row: min(column for other, column in self.places if other == row) for row, _ in self.places}
        return [number for number, (row, column) in enumerate(self.places) if column == left[row]]

    @property
    def is_ragged(self) -> bool:
        """Whether the lowest panels are in different rows."""
        return len({self.places[number][0] for number in self.lowest()}) > 1


@dataclass(frozen=True)
class PageSpec:
    """What a page must have room for.

    Attributes
    ----------
    slots : int
        Bars or boxes beside each other on each panel.
    size : str, tuple of float, or None
        As in series files.
    panel_height : float or None
        In inches; by default by the number of panels beside each other.
    wide : bool
        Whether one panel takes two columns of a journal.
    turn_ticks : bool
        Whether labels of the x axis are turned where they would overlap.
    """

    slots: int = 0
    size: Literal["column", "page"] | tuple[float, float] | None = None
    panel_height: float | None = None
    wide: bool = False
    turn_ticks: bool = True


def new_page(panels: Sequence[tuple[int, int]], spec: PageSpec) -> Page:
    """Return a figure with a panel at each of these places (row, column); one long row is broken.

    Raises
    ------
    GraphError
        There would be more columns than can be read.
    """
    places = _broken(panels)
    rows, columns = (max(place) + 1 for place in zip(*places, strict=True))
    if columns > _MAX_COLUMNS:
        raise GraphError(
            f"{columns} panels beside each other cannot be read (at most {_MAX_COLUMNS}); "
            "make the parameter with more values the row, or choose some of its values (where)"
        )
    height = spec.panel_height or _PANEL_HEIGHT[min(columns, 4)]
    needed = columns * (_Y_AXIS + spec.slots * _SLOT)
    width = min(max(ONE_COLUMN if columns == 1 and not spec.wide else TWO_COLUMNS, needed), TWO_COLUMNS)
    fixed = None
    if spec.size in ("column", "page"):
        width = ONE_COLUMN if spec.size == "column" else TWO_COLUMNS
    elif isinstance(spec.size, tuple):
        width, fixed = spec.size
    figure = text_size.measurable(Figure(figsize=(width, rows * height), layout="constrained"))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for place in itertools.product(range(rows), range(columns)):
        if place not in places:
            grid[place].remove()
    page = Page(figure, [grid[place] for place in places], places, rows, height, fixed)
    for number in page.lowest():
        page.axes[number].tick_params(labelbottom=True)
    for number in page.leftmost():
        page.axes[number].tick_params(labelleft=True)
    return page


def _broken(panels: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the places of panels: a single row is broken into several, gaps between columns are closed."""
    if any(row for row, _ in panels):
        columns = sorted({column for _, column in panels})
        rows = sorted({row for row, _ in panels})
        return [(rows.index(row), columns.index(column)) for row, column in panels]
    columns_per_row = _columns(len(panels))
    return [divmod(number, columns_per_row) for number in range(len(panels))]


def _columns(panels: int) -> int:
    if panels <= 3:
        return panels
    return 2 if panels == 4 else 3 if panels <= 9 else 4


def label_panels(page: Page, titles: Sequence[str | None], *, x: str, y: str) -> None:
    """Write what each panel shows above it, y at the left of each row, x below the lowest of each column.

    The lines are no longer than the panel.
    """
    columns = max(column for _, column in page.places) + 1
    width = page.figure.get_figwidth() / columns - _Y_AXIS / 2

    def lines(text: str, room: float) -> str:
        return text_size.wrapped(text, page.figure, room, size=style.LABEL_SIZE)

    for axes, title in zip(page.axes, titles, strict=True):
        if title:
            (short,) = shortened([title], _MAX_LEGEND_LABEL)
            axes.set_title(lines(short, width))
    for number in page.leftmost():
        page.axes[number].set_ylabel(lines(y, page.panel_height * 0.75))
    for number in page.lowest():
        if x:  # else the kind has written it
            page.axes[number].set_xlabel(lines(x, width))


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

    `higher_by` is what labels of the x axis need in inches beyond one line; each line of `note` is wrapped.

    Raises
    ------
    GraphError
        The size that was asked for leaves no room for the panels.
    """
    figure = page.figure
    width, height = figure.get_size_inches()
    height += higher_by * (2 if page.is_ragged else 1)
    room = width - 2 * _MARGIN
    if title:
        lines = text_size.wrapped(title, figure, room, size=style.TITLE_SIZE, weight="bold")
        figure.suptitle(lines, fontweight="bold")
        height += _TITLE_LINE * (lines.count("\n") + 1)
    wrapped = [text_size.wrapped(line, figure, room, size=style.NOTE_SIZE) for line in note.splitlines()]
    text = figure.text(0, 0, "\n".join(wrapped), color=style.text_color())
    text.set(fontsize=style.NOTE_SIZE, linespacing=1.25, in_layout=False, alpha=0.75)
    below = 2 * _MARGIN + text_size.height(text, figure)
    legend = _legend(figure, entries, legend_title, width) if entries else None
    legend_from = below
    if legend is not None:
        below += text_size.height(legend, figure) + _MARGIN
    height += below
    if page.fixed_height is not None:
        needed = height - page.rows * (page.panel_height - _LEAST_PANEL)
        if page.fixed_height < needed:
            raise GraphError(
                f"size: {page.fixed_height:g} inches are too low for panels, legend and note; "
                f"{needed:.1f} are enough at this width"
            )
        height = page.fixed_height
    figure.set_size_inches(width, height)
    text.set_position((_MARGIN / width, _MARGIN / height))
    if legend is not None:
        legend.set_bbox_to_anchor((0.5, legend_from / height))
    figure.set_layout_engine("constrained", rect=(0, below / height, 1, 1 - (below + _MARGIN / 2) / height))


def _legend(figure: Figure, entries: Sequence[tuple[Artist, str]], title: str | None, width: float) -> Legend:
    """Return the legend with as many columns as fit; where not even one does, its labels are in lines."""
    labels = shortened([label for _, label in entries], _MAX_LEGEND_LABEL)
    room = width - 2 * _MARGIN
    title = title and text_size.wrapped(title, figure, room - _MARGIN, size=style.TICK_SIZE)

    def made(columns: int) -> Legend:
        handles = [handle for handle, _ in entries]
        legend = figure.legend(
            handles, labels, title=title, ncols=columns, loc="lower center", borderaxespad=0.2
        )
        legend.set_in_layout(False)
        return legend

    for most in range(min(len(entries), _MAX_LEGEND_COLUMNS), 0, -1):
        rows = -(-len(entries) // most)
        legend = made(-(-len(entries) // rows))  # as few as these rows need
        beyond = text_size.width(legend, figure) - room
        if beyond <= 0:
            return legend
        legend.remove()
    widest = max(text_size.measured(label, figure, size=style.TICK_SIZE) for label in labels)
    room = widest - beyond - _MARGIN
    labels = [text_size.wrapped(label, figure, room, size=style.TICK_SIZE) for label in labels]
    return made(1)
