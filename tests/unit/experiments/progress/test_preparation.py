"""What a run does before its experiments start, which is told when it takes long."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest
from rich.console import Console

from experiments.progress.displays import JsonLinesDisplay, PlainDisplay
from experiments.progress.live import LiveDisplay
from experiments.progress.model import Display, RunProgress
from experiments.progress.preparation import preparing

PATIENCE_S = 30


class Stream(io.StringIO):
    """Notes when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def flush(self) -> None:
        super().flush()
        self.written.set()


def told(make: Any, text: str = "checking train.py") -> str:
    """Return what a display writes during a preparation that takes long."""
    stream = Stream()
    display: Display = make(stream)
    display.told_after_s = 0.0
    with preparing(display, text):
        assert stream.written.wait(PATIENCE_S)
    return stream.getvalue()


def live(stream: Stream, width: int = 80) -> LiveDisplay:
    return LiveDisplay(Console(file=stream, width=width, force_terminal=True))


def test_preparation_that_takes_long() -> None:
    """A log gets a line, a program an object; on a terminal the text goes when the preparation has ended."""
    assert told(PlainDisplay) == "checking train.py\n"
    event = json.loads(told(JsonLinesDisplay))
    assert (event["event"], event["text"]) == ("preparation", "checking train.py")
    assert told(live) == "checking train.py\r\x1b[K"


def test_text_of_a_preparation() -> None:
    """The name of a file cannot rewrite the screen; the text fits on one line, also in wide characters."""
    assert told(live, "checking a\x1b[2Jb.py").startswith("checking a\\x1b[2Jb.py\r")
    assert (
        told(lambda stream: live(stream, 20), "checking 学習率が大きすぎます.py")
        == "checking 学習率が大\r\x1b[K"
    )


def test_short_preparation() -> None:
    """What is done at once is not told, nor afterwards; without a display nothing is."""
    stream = Stream()
    display = PlainDisplay(stream)
    with preparing(display, "checking train.py"):
        pass
    with preparing(None, "checking train.py"):
        pass
    assert stream.getvalue() == ""
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert all(timer.finished.is_set() for timer in timers)


def test_error_in_a_preparation() -> None:
    """The text goes before the error is printed."""
    stream = Stream()
    display = live(stream)
    display.told_after_s = 0.0

    def fail() -> None:
        with preparing(display, "checking train.py"):
            stream.written.wait(PATIENCE_S)
            raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        fail()
    assert stream.getvalue().endswith("\x1b[K")


def test_terminal_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that hangs or is gone holds up no run."""
    monkeypatch.setattr("experiments.progress.preparation._PATIENCE_S", 0.01)
    hanging, begun = threading.Event(), threading.Event()

    class Stuck(Display):
        told_after_s = 0.0

        def begin_preparation(self, text: str) -> None:
            begun.set()
            hanging.wait(PATIENCE_S)
            raise BrokenPipeError(text)

        def update(self, progress: RunProgress) -> None:
            raise AssertionError

        def message(self, level: str, text: str) -> None:
            raise AssertionError

    with preparing(Stuck(), "checking train.py"):
        assert begun.wait(PATIENCE_S)
    hanging.set()
