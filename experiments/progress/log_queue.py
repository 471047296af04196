"""Log messages while progress is drawn: handed to whoever draws, so that nothing is written in between.

It is also why a terminal that takes nothing (Ctrl-S) cannot hold up the thread that has something to say.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterator

_OURS = ("database", "experiments", "meta")


class _Handler(logging.Handler):
    def __init__(self, diverted: Messages) -> None:
        super().__init__()
        self._diverted = diverted

    def emit(self, record: logging.LogRecord) -> None:
        self._diverted.put(record)


class Messages:
    """While entered, keeps what this project's loggers would have written by their own handlers.

    Parameters
    ----------
    wake : callable
        Called when there is something to take.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        self._before: dict[str, list[logging.Handler]] = {}

    def start(self) -> None:
        """Take the place of the handlers that there are."""
        for name in _OURS:
            logger = logging.getLogger(name)
            if logger.handlers:
                self._before[name] = logger.handlers
                logger.handlers = [_Handler(self)]

    def put(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self._waiting.put(record)
        self._wake()

    def take(self) -> Iterator[tuple[str, str]]:
        """Yield the level and the text of each message, as its handler would have written it."""
        for record in self._records():
            handlers = self._before.get(record.name.split(".", 1)[0], ())
            for handler in handlers:
                if record.levelno >= handler.level:
                    yield record.levelname.lower(), handler.format(record)

    def close(self) -> None:
        """Give the handlers their place back, and what nobody has taken."""
        for name, handlers in self._before.items():
            logging.getLogger(name).handlers = handlers
        for record in self._records():
            logging.getLogger(record.name).handle(record)

    def _records(self) -> Iterator[logging.LogRecord]:
        while True:
            try:
                yield self._waiting.get_nowait()
            except queue.Empty:
                return
