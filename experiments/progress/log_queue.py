"""Log messages while progress is shown: queued for the thread that draws, so that nothing is written between.

So a terminal that accepts no output (Ctrl-S) cannot block the thread that logs, either.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterator

_PACKAGES = ("database", "experiments", "meta")


class LogQueue(logging.Handler):
    """Replaces the handlers of this project's loggers between `start` and `stop`.

    Parameters
    ----------
    wake : callable
        Called when a message was queued.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        super().__init__()
        self._wake = wake
        self._queue: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        self._replaced: dict[str, list[logging.Handler]] = {}

    def start(self) -> None:
        """Replace the existing handlers."""
        for name in _PACKAGES:
            logger = logging.getLogger(name)
            if logger.handlers:
                self._replaced[name], logger.handlers = logger.handlers, [self]

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record."""
        self._queue.put(record)
        self._wake()

    def take(self) -> Iterator[tuple[str, str]]:
        """Yield the level and the text of each message, as its handler would have written it."""
        for record in self._records():
            for handler in self._replaced.get(record.name.split(".", 1)[0], ()):
                if record.levelno >= handler.level:
                    yield record.levelname.lower(), handler.format(record)

    def stop(self) -> None:
        """Restore the handlers, which get what is still in the queue."""
        for name, handlers in self._replaced.items():
            logging.getLogger(name).handlers = handlers
        for record in self._records():
            logging.getLogger(record.name).handle(record)

    def _records(self) -> Iterator[logging.LogRecord]:
        while not self._queue.empty():
            yield self._queue.get_nowait()
