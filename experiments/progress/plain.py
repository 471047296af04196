"""Progress as lines of text, for logs and pipes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from experiments.progress.format import one_line
from experiments.progress.model import RunProgress


class PlainDisplay:
    """Prints a line at intervals.

    Parameters
    ----------
    stream : text stream
        Written to.
    every_s : float
        How often, in seconds.
    """

    draws_last = False
    is_live = False

    def __init__(self, stream: TextIO, every_s: float = 10.0) -> None:
        self._stream = stream
        self.every_s = every_s

    def update(self, progress: RunProgress) -> None:
        """Print a line."""
        self._write(one_line(progress))

    def message(self, level: str, text: str) -> None:
        """Print a message."""
        self._write(text)

    def close(self) -> None:
        """Print nothing."""

    def end(self, summary: Mapping[str, Any]) -> None:
        """Print nothing: the command prints the summary."""

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()
