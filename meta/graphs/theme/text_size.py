"""Measuring texts before they are drawn: how wide, how high, and where to break lines."""

from __future__ import annotations

import re
from bisect import bisect

from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from meta.graphs.theme import style

#: Between words, but not between a number and its sign of percent.
_BREAK = re.compile(r" (?!%(?!\w))")
#: A piece of a word that has fewer letters than this is not read as one.
_LEAST_PIECE = 4


def measurable(figure: Figure) -> Figure:
    """Return `figure` at the resolution it will be written in: letters are rounded to whole dots."""
    figure.set_dpi(style.DPI)
    FigureCanvasAgg(figure)
    return figure


def width(artist: Artist, figure: Figure) -> float:
    """Return the width of a text or legend, in inches."""
    return artist.get_window_extent(_renderer(figure)).width / figure.dpi


def height(artist: Artist, figure: Figure) -> float:
    """Return the height of a text or legend, in inches."""
    return artist.get_window_extent(_renderer(figure)).height / figure.dpi


def wrapped(text: str, figure: Figure, room: float, *, size: float, weight: str = "normal") -> str:
    """Return `text` in lines of at most `room` inches at `size` points; longer words are broken.

    Where not even a few letters have room, words stay whole.
    """

    def fits(line: str) -> bool:
        return measured(line, figure, size=size, weight=weight) <= room

    lines: list[str] = []
    for word in _BREAK.split(" ".join(text.split())):
        if lines and fits(f"{lines[-1]} {word}"):
            lines[-1] += f" {word}"
            continue
        rest = word
        while not fits(rest):
            most = bisect(range(1, len(rest)), False, key=lambda end: not fits(rest[:end]))
            if most < _LEAST_PIECE:
                break
            lines.append(rest[:most])
            rest = rest[most:]
        lines.append(rest)
    return "\n".join(lines)


def measured(text: str, figure: Figure, *, size: float, weight: str = "normal") -> float:
    """Return the width in inches of one line of text at `size` points."""
    font = FontProperties(size=size, weight=weight)
    return _renderer(figure).get_text_width_height_descent(text, font, ismath=False)[0] / figure.dpi


def _renderer(figure: Figure) -> RendererBase:
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    renderer: RendererBase = canvas.get_renderer()  # type: ignore[no-untyped-call]  # matplotlib has no type for it
    return renderer
