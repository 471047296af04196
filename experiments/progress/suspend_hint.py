"""Ctrl-Z: what suspending a runner means, shown before it is suspended."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

from database.engine.registry import current_url
from database.settings import Settings
from experiments.progress.tracker import ProgressTracker


class SuspendHint:
    """While entered, Ctrl-Z closes the display and prints a hint before it suspends as usual.

    Parameters
    ----------
    tracker : ProgressTracker
        Draws again when the process is resumed.
    """

    def __init__(self, tracker: ProgressTracker) -> None:
        self._tracker = tracker
        self._before: Any = signal.SIG_IGN

    def __enter__(self) -> SuspendHint:
        if threading.current_thread() is threading.main_thread() and sys.stderr.isatty():
            self._before = signal.getsignal(signal.SIGTSTP)
            if self._before == signal.SIG_DFL:
                signal.signal(signal.SIGTSTP, self._suspend)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        if self._before == signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)

    def _suspend(self, number: int, _frame: FrameType | None) -> None:
        self._tracker.hide()
        with contextlib.suppress(OSError):
            os.write(2, f"\n{hint()}\n".encode())
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # returns when the process is resumed
        signal.signal(number, self._suspend)
        self._tracker.show()


def hint() -> str:
    """Return what suspending means with the database in use."""
    text = "suspended: the workers go on unsupervised (no limits, no replacement) until `fg`"
    if current_url().get_backend_name() == "sqlite":
        return text
    lease_s = Settings.from_environment().lease_s
    return (
        f"{text}; after {lease_s:g} s of silence runners on other computers take its experiments over, "
        "and what these were doing is done again"
    )
