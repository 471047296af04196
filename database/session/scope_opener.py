"""Who opened a scope, so that nobody else joins it without a word.

A function that opens a scope has left it when it returns. A generator or a coroutine may be suspended
in its middle: who runs meanwhile is somebody else, and what they wrote into that scope would be undone
when the generator is closed early. A frame that is suspended is not among the callers of who asks.

Generators that are context managers (``@contextmanager``, fixtures of pytest) open a scope for the block
that uses them, so they are passed over.
"""

from __future__ import annotations

import inspect
import sys
import weakref
from dataclasses import dataclass
from types import FrameType
from typing import Any

from database.engine.call_site import calling_place

_SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
#: Who runs a generator as a context manager.
_DRIVERS = frozenset({"contextlib", "_pytest", "pytest_asyncio"})


@dataclass(frozen=True, eq=False, slots=True)
class Opener:
    """Who opened a scope.

    Attributes
    ----------
    place : str
        ``file:line``.
    frame : FrameType or None
        Of the generator or coroutine whose block it is; None for a function.
    task : weakref to asyncio.Task, or None
        That was running. It is not kept alive: a task that is given up gives up its scope.
    """

    place: str
    frame: FrameType | None
    task: weakref.ref[Any] | None

    @classmethod
    def here(cls) -> Opener:
        """Return the nearest caller outside this package."""
        task = current_task()
        return cls(calling_place(), _suspendable_frame(), None if task is None else weakref.ref(task))

    def is_of_another_task(self) -> bool:
        """Say whether it is a task of asyncio that is not running now."""
        return self.task is not None and self.task() is not current_task()

    def is_suspended(self) -> bool:
        """Say whether it is a generator or coroutine that is not among the callers."""
        if self.frame is None:
            return False
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame is self.frame:
                return False
            frame = frame.f_back
        return True


def current_task() -> Any:
    """Return the running task of asyncio, or None; asyncio is not imported for that."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or asyncio._get_running_loop() is None:
        return None
    return asyncio.current_task()


def _suspendable_frame() -> FrameType | None:
    """Return the generator or coroutine whose block is being opened, if it is one."""
    frame: FrameType | None = sys._getframe(3)  # the caller of the generator that asks for its opener
    while frame is not None:
        caller, code = frame.f_back, frame.f_code
        if not _drives(frame) and code.co_name not in {"__enter__", "__aenter__"}:
            if not code.co_flags & _SUSPENDABLE:
                return None
            if caller is None or not _drives(caller):
                return frame
        frame = caller
    return None


def _drives(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__", "").partition(".")[0] in _DRIVERS
