"""SIGINT, SIGTERM and SIGHUP as requests that the supervisor reads."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from types import FrameType, TracebackType
from typing import Any, Self

#: The exit code of a process that a signal ended, without the signal's number.
SIGNAL_EXIT_CODE = 128


class StopSignals:
    """While entered, SIGINT, SIGTERM and SIGHUP are counted instead of ending the process.

    The last of `limit` ends it at once, whatever it is doing. A SIGHUP that was ignored at the start
    (nohup) stays ignored. Outside the main thread nothing is changed: signals are not delivered there.
    A process that is forked meanwhile, as by an experiment of a serial run, has the handlers of before.

    Parameters
    ----------
    numbers : tuple of signal numbers
        Those that are counted.
    limit : int
        The process ends at the signal of this number.

    Attributes
    ----------
    received : list of int
        The signals, in order.
    """

    def __init__(
        self,
        numbers: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
        limit: int = 3,
    ) -> None:
        self.numbers, self._limit = numbers, limit
        self.received: list[int] = []
        self._reader, self._writer = socket.socketpair()
        self._before: dict[int, Any] = {}
        self._wakeup_before = -1

    def __enter__(self) -> Self:
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        if threading.current_thread() is not threading.main_thread():
            return self
        self._wakeup_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in self.numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        _entered.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._before:
            signal.set_wakeup_fd(self._wakeup_before)
        if self in _entered:
            _entered.remove(self)
        self._reader.close()
        self._writer.close()

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when a signal arrives."""
        return self._reader.fileno()

    def wake(self) -> None:
        """Make `fileno` readable, from any thread."""
        with contextlib.suppress(OSError):  # it is full, or closed: no wake-up is needed
            self._writer.send(b"\0")

    def drain(self) -> None:
        """Make `fileno` unreadable again."""
        try:
            while self._reader.recv(64):
                pass
        except BlockingIOError:
            pass

    def restore_in_child(self) -> None:
        """Give a forked process the handlers of before, unless others were set since."""
        signal.set_wakeup_fd(-1)  # it would wake this one
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.received.append(number)
        if len(self.received) >= self._limit:
            os._exit(SIGNAL_EXIT_CODE + number)  # workers die with this process


_entered: list[StopSignals] = []
_forking = threading.local()


def _block() -> None:
    """Block the signals around a fork: one that comes before the child has its handlers would be lost."""
    numbers = {number for signals in _entered for number in signals.numbers}
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _restore_in_child() -> None:
    while _entered:
        _entered.pop().restore_in_child()
    _unblock()


os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_restore_in_child)
