"""A hint about the effects of Ctrl-Z, shown before a runner is suspended."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from database.engine.registry import current_url
from database.settings import Settings
from experiments.progress.tracker import ProgressTracker


@contextlib.contextmanager
def suspend_hint(tracker: ProgressTracker) -> Iterator[None]:
    """While entered, Ctrl-Z closes the display and prints a hint before it suspends as usual.

    Parameters
    ----------
    tracker : ProgressTracker
        Draws again when the process is resumed.
    """

    def suspend(number: int, _frame: FrameType | None) -> None:
        tracker.hide()
        with contextlib.suppress(OSError):
            os.write(2, f"\n{hint()}\n".encode())
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # returns when the process is resumed
        signal.signal(number, suspend)
        tracker.show()

    on_terminal = threading.current_thread() is threading.main_thread() and sys.stderr.isatty()
    if not on_terminal or signal.getsignal(signal.SIGTSTP) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTSTP, suspend)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)


def hint() -> str:
    """Return the effects of suspending, which depend on the database."""
    text = "suspended: the workers continue unsupervised (no limits, no replacement) until `fg`"
    if current_url().get_backend_name() == "sqlite":
        return text
    lease_s = Settings.from_environment().lease_s
    return (
        f"{text}; after {lease_s:g} s without a heartbeat runners on other hosts take its experiments over, "
        "and those that were running run again"
    )
