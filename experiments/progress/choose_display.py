"""Which display suits the terminal a run was started from."""

from __future__ import annotations

import os
import sys
from typing import Literal, get_args

from experiments.progress.json_lines import JsonLinesDisplay
from experiments.progress.model import Display
from experiments.progress.plain import PlainDisplay

Mode = Literal["auto", "live", "plain", "json", "none"]
MODES: tuple[str, ...] = get_args(Mode)


def choose_display(mode: str = "auto") -> Display | None:
    """Return the display for stderr; None for no display.

    Parameters
    ----------
    mode : str
        One of `MODES`. ``auto`` is live on a terminal that can move its cursor, plain otherwise, and
        so is ``live`` where there is no such terminal.
    """
    if mode == "none":
        return None
    if mode == "json":
        return JsonLinesDisplay(sys.stderr)
    if mode != "plain" and can_redraw(sys.stderr.isatty()) and (mode == "live" or not os.environ.get("CI")):
        from experiments.progress.live import LiveDisplay  # loads rich, which most runs do not need

        return LiveDisplay()
    return PlainDisplay(sys.stderr)


def can_redraw(is_terminal: bool) -> bool:
    """Return whether the terminal can redraw in place."""
    return is_terminal and os.environ.get("TERM", "") not in {"dumb", "unknown"}


def display_for(display: Display, workers: int) -> Display:
    """Return a display that does not redraw the terminal while experiments run in this process.

    They print there themselves, or a debugger is used there.
    """
    return PlainDisplay(sys.stderr) if workers == 0 and display.is_live else display
