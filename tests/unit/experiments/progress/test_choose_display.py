"""Which display is chosen where."""

from __future__ import annotations

import sys

import pytest

from experiments.progress.choose_display import MODES, choose_display, display_for
from experiments.progress.json_lines import JsonLinesDisplay
from experiments.progress.live import LiveDisplay
from experiments.progress.plain import PlainDisplay
from meta.commands.support.options import PROGRESS_MODES


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)


def test_modes_are_those_of_the_option() -> None:
    """The command offers what there is."""
    assert MODES == PROGRESS_MODES


def test_on_a_terminal(terminal: None) -> None:
    """A terminal gets the picture, unless something else is asked for."""
    assert isinstance(choose_display(), LiveDisplay)
    assert isinstance(choose_display("plain"), PlainDisplay)
    assert isinstance(choose_display("json"), JsonLinesDisplay)
    assert choose_display("none") is None


def test_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log gets lines, also when a picture is asked for."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert isinstance(choose_display(), PlainDisplay)
    assert isinstance(choose_display("live"), PlainDisplay)


def test_on_a_terminal_that_cannot_redraw(terminal: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """TERM=dumb gets lines."""
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(choose_display("live"), PlainDisplay)


def test_in_continuous_integration(terminal: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI gets lines, whatever its stderr pretends to be, unless a picture is asked for."""
    monkeypatch.setenv("CI", "true")
    assert isinstance(choose_display(), PlainDisplay)
    assert isinstance(choose_display("live"), LiveDisplay)


def test_in_one_process() -> None:
    """Experiments that run in this process have the terminal for themselves."""
    live, lines = LiveDisplay(), JsonLinesDisplay(sys.stderr)
    assert isinstance(display_for(live, 0), PlainDisplay)
    assert display_for(lines, 0) is lines
    assert display_for(live, 1) is live
