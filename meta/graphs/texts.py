"""Measuring texts before they are drawn: how wide, how high, and where to break lines."""

from __future__ import annotations

import re

from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from meta.graphs import style

#: Between words, but not between a number and its sign of percent.
_BREAK = re.compile(r" (?!%(?!\w))")


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
    """Return `text` in lines of at most `room` inches at `size` points; single words may be longer."""
    font = FontProperties(size=size, weight=weight)
    renderer = _renderer(figure)
    lines: list[str] = []
    for word in _BREAK.split(" ".join(text.split())):
        longer = f"{lines[-1]} {word}" if lines else word
        measured = renderer.get_text_width_height_descent(longer, font, ismath=False)[0] / figure.dpi
        if lines and measured <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def _renderer(figure: Figure) -> RendererBase:
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    renderer: RendererBase = canvas.get_renderer()  # type: ignore[no-untyped-call]  # matplotlib has no type for it
    return renderer
