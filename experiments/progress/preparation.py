"""What a run does before its experiments start, told while it lasts: checking a target, creating a series."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from experiments.progress.format import printable
from experiments.progress.model import Display

#: How long to wait at the end for a terminal that accepts nothing.
_PATIENCE_S = 0.5


@contextlib.contextmanager
def preparing(display: Display | None, text: str) -> Iterator[None]:
    """While entered, tell what is being done, once that has taken as long as the display waits with it.

    Parameters
    ----------
    display : Display or None
        None tells nothing.
    text : str
        What is being done, such as ``checking train.py``.
    """
    if display is None:
        yield
        return
    telling = _Telling(display, text)
    try:
        yield
    finally:
        telling.end()


class _Telling:
    """Tells a preparation in a thread of its own: what is done in the meantime need not know of it."""

    def __init__(self, display: Display, text: str) -> None:
        self._display = display
        self._text = text
        self._lock = threading.Lock()
        self._is_told = self._is_over = False
        self._timer = threading.Timer(display.told_after_s, self._tell)
        self._timer.daemon = True
        self._timer.start()

    def _tell(self) -> None:
        with self._lock, contextlib.suppress(OSError):  # a terminal that is gone ends no run
            if not self._is_over:
                self._is_told = True
                self._display.begin_preparation(printable(self._text))

    def end(self) -> None:
        """Take the text away; what was not told yet, never is."""
        self._timer.cancel()
        if not self._lock.acquire(timeout=_PATIENCE_S):
            return
        try:
            self._is_over = True
            if self._is_told:
                with contextlib.suppress(OSError):
                    self._display.end_preparation()
        finally:
            self._lock.release()
