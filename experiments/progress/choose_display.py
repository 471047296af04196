"""Which display suits where a run was started."""

from __future__ import annotations

import os
import sys
from typing import Literal, get_args

from experiments.progress.json_lines import JsonLinesDisplay
from experiments.progress.live import LiveDisplay
from experiments.progress.model import Display
from experiments.progress.plain import PlainDisplay

Mode = Literal["auto", "live", "plain", "json", "none"]
MODES: tuple[str, ...] = get_args(Mode)


def choose_display(mode: str = "auto") -> Display | None:
    """Return what shows the progress on stderr.

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
        return LiveDisplay()
    return PlainDisplay(sys.stderr)


def can_redraw(is_terminal: bool) -> bool:
    """Say whether a picture can be drawn anew in its place."""
    return is_terminal and os.environ.get("TERM", "") not in {"dumb", "unknown"}


def display_for(display: Display, workers: int) -> Display:
    """Return a display that leaves the terminal to experiments which run in this process.

    They print there themselves, or a debugger talks to a person: nothing may be redrawn.
    """
    return PlainDisplay(sys.stderr) if workers == 0 and isinstance(display, LiveDisplay) else display
