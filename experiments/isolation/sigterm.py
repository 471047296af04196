"""SIGTERM to a worker that runs no user code: it ends in order, together with what it supervises."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import threading
from types import FrameType
from typing import Any

from experiments.execution.worker_control import Control


class Termination:
    """From now on SIGTERM is a request: end what runs, and stop.

    Outside the main thread nothing is changed: signals are not delivered there.

    Parameters
    ----------
    control : Control
        Told to stop.

    Attributes
    ----------
    came : bool
        Whether it came.
    """

    def __init__(self, control: Control) -> None:
        self.came = False
        self._control = control
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._before: Any = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._note)

    def fileno(self) -> int:
        """Return a descriptor that is readable from then on."""
        return self._reader.fileno()

    def wait(self, timeout_s: float) -> None:
        """Wait until it comes, or the supervisor says something."""
        poll = select.poll()
        poll.register(self, select.POLLIN)
        if (descriptor := self._control.fileno()) is not None:
            poll.register(descriptor, select.POLLIN)
        poll.poll(timeout_s * 1000)

    def close(self) -> None:
        """Let SIGTERM be what it was."""
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
        self._reader.close()
        self._writer.close()

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True
        self._control.stop()
        with contextlib.suppress(OSError):  # it is readable already
            self._writer.send(b"t")
