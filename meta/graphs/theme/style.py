"""The appearance of graphs: one theme, and a colour, dash, marker and hatch for each line.

The colours are those of M. Okabe and K. Ito, Color Universal Design (2008), which people with any form of
colour blindness tell apart, without their yellow, which is too pale for thin lines on white. Dashes, markers
and hatches go round with other periods, so that lines differ in grey print too.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from matplotlib import rcParams
from matplotlib.rcsetup import cycler

from experiments.series_file.sections.graphs import ThemeName

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
DARK_PALETTE = ("#56B4E9", "#E69F00", "#2BC48A", "#CC79A7", "#F2F2F2", "#F0E442", "#E8743B")
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx")

#: Dots per inch of PNG files.
DPI = 200
#: Opacity of a band.
BAND_ALPHA = 0.2
#: Sizes of letters, in points.
TITLE_SIZE, LABEL_SIZE, TICK_SIZE, NOTE_SIZE = 9.0, 8.0, 7.0, 6.0

#: In this order: the first one that has a letter writes it.
FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Hiragino Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
)

THEME: dict[str, Any] = {
    "font.size": LABEL_SIZE,
    "axes.titlesize": LABEL_SIZE,
    "axes.labelsize": LABEL_SIZE,
    "xtick.labelsize": TICK_SIZE,
    "ytick.labelsize": TICK_SIZE,
    "legend.fontsize": TICK_SIZE,
    "legend.title_fontsize": TICK_SIZE,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "legend.columnspacing": 1.2,
    "figure.titlesize": TITLE_SIZE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.xmargin": 0.03,
    "axes.unicode_minus": True,
    "grid.color": "0.88",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
    "hatch.linewidth": 0.4,
    "errorbar.capsize": 2.0,
    # Names and values are the user's text, not formulas: a $ is a $.
    "text.parse_math": False,
    "svg.hashsalt": "experiment-series",
}


#: What the other themes change. The grays of the last are far enough apart to be told on paper.
_DARK = "0.12"
_THEMES: dict[ThemeName, dict[str, Any]] = {
    "light": {"axes.prop_cycle": cycler(color=PALETTE), "image.cmap": "cividis"},
    "dark": {
        "axes.prop_cycle": cycler(color=DARK_PALETTE),
        "image.cmap": "cividis",
        "figure.facecolor": _DARK,
        "axes.facecolor": _DARK,
        "savefig.facecolor": _DARK,
        "grid.color": "0.28",
        **dict.fromkeys(
            ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), "0.9"
        ),
    },
    "gray": {
        "axes.prop_cycle": cycler(color=("0.0", "0.5", "0.25", "0.65", "0.4", "0.1", "0.58")),
        "image.cmap": "gray_r",
    },
}


@contextmanager
def theme(name: ThemeName = "light") -> Iterator[None]:
    """Draw and write within a theme of ours, whatever the user's own settings are."""
    from matplotlib import style  # noqa: PLC0415 - reads the style files, which only drawing needs

    families = {"font.family": _families()}
    with warnings.catch_warnings(), style.context(["default", THEME, _THEMES[name], families]):
        # A letter that no installed font has is drawn as a box: no reason to go without the graph.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def _families() -> list[str]:
    """Return the fonts that are installed: ours comes with matplotlib, the others add letters to it."""
    from matplotlib.font_manager import fontManager  # noqa: PLC0415 - reads the list of fonts, which only drawing needs

    installed = set(fontManager.get_font_names())
    return [family for family in FONTS if family in installed]


def missing_glyphs(text: str) -> str:
    """Return the letters that none of the installed fonts has, which are drawn as boxes."""
    from matplotlib.font_manager import fontManager, get_font  # noqa: PLC0415 - reads the list of fonts

    fonts = [get_font(fontManager.findfont(family)) for family in _families()]
    letters = dict.fromkeys(letter for letter in text if letter.isprintable() and not letter.isspace())
    return "".join(
        letter for letter in letters if not any(font.get_char_index(ord(letter)) for font in fonts)
    )


@dataclass(frozen=True)
class LineStyle:
    """How a line differs from others: the numbers of its colour and of its dash, marker and hatch."""

    color_number: int
    mark_number: int

    @property
    def color(self) -> str:
        """The colour in the active theme."""
        return color(self.color_number)

    @property
    def dash(self) -> Any:
        """The dash pattern."""
        return DASHES[self.mark_number % len(DASHES)]

    @property
    def marker(self) -> str:
        """The marker."""
        return MARKERS[self.mark_number % len(MARKERS)]

    @property
    def stroke(self) -> dict[str, Any]:
        """The style of a line without markers, as keywords of matplotlib."""
        return {"color": self.color, "linestyle": self.dash}

    @property
    def marks(self) -> dict[str, Any]:
        """The style of points that no line joins."""
        return {"color": self.color, "linestyle": "none", "marker": self.marker}

    @property
    def fill(self) -> dict[str, Any]:
        """The style of a bar, box or other area."""
        return {
            "facecolor": (self.color, 0.55),
            "edgecolor": self.color,
            "hatch": HATCHES[self.mark_number % len(HATCHES)],
            "linewidth": 0.8,
        }


def text_color() -> str:
    """Return the colour of text in the active theme."""
    found: str = rcParams["text.color"]
    return found


def color(number: int) -> str:
    """Return the colour of the line of that number in the active theme."""
    colors: list[str] = rcParams["axes.prop_cycle"].by_key()["color"]
    return colors[number % len(colors)]


def background_color() -> str:
    """Return the colour of the background in the active theme."""
    found: str = rcParams["axes.facecolor"]
    return found
