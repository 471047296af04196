"""Progress as lines of text, for logs and pipes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from experiments.progress.format import one_line
from experiments.progress.model import Progress


class PlainDisplay:
    """A line now and then.

    Parameters
    ----------
    stream : text stream
        Where the lines go.
    every_s : float
        How often, in seconds.
    """

    draws_last = False

    def __init__(self, stream: TextIO, every_s: float = 10.0) -> None:
        self._stream = stream
        self.every_s = every_s

    def update(self, progress: Progress) -> None:
        """Print a line."""
        self._write(one_line(progress))

    def tell(self, level: str, message: str) -> None:
        """Print a message."""
        self._write(message)

    def close(self) -> None:
        """Print nothing more for now."""

    def end(self, summary: Mapping[str, Any]) -> None:
        """Print nothing: the command tells what came of it."""

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()
