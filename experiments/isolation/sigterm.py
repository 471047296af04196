"""SIGTERM to a worker that runs no user code: it shuts down, together with what it supervises."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import threading
from types import FrameType
from typing import Any

from experiments.execution.worker_control import WorkerControl


class SigtermHandler:
    """Handles SIGTERM as a request: end the running attempt, and stop.

    Outside the main thread nothing is changed: signals are not delivered there.

    Parameters
    ----------
    control : WorkerControl
        Stopped by the signal.

    Attributes
    ----------
    received : bool
        Whether the signal has arrived.
    """

    def __init__(self, control: WorkerControl) -> None:
        self.received = False
        self._control = control
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._before: Any = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._handle)

    def fileno(self) -> int:
        """Return a descriptor that is readable once the signal has arrived."""
        return self._reader.fileno()

    def wait(self, timeout_s: float) -> None:
        """Wait until the signal or a message of the supervisor arrives."""
        poll = select.poll()
        poll.register(self, select.POLLIN)
        if (descriptor := self._control.fileno()) is not None:
            poll.register(descriptor, select.POLLIN)
        poll.poll(timeout_s * 1000)

    def close(self) -> None:
        """Restore the previous handler."""
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
        self._reader.close()
        self._writer.close()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.received = True
        self._control.stop()
        with contextlib.suppress(OSError):  # it is readable already
            self._writer.send(b"t")
