"""The function, generator or task that opened a scope, so that no unrelated code joins it silently.

A function that opens a scope has left it when it returns. A generator or a coroutine may be suspended
inside its scope: other code runs meanwhile, and what that wrote into the scope would be undone when the
generator is closed early. A context variable does not show this: generators share the context of their
caller; but the frame of a suspended generator is not among the callers of the code that runs.

Generators that are context managers (``@contextmanager``, fixtures of pytest) open a scope for the block
that uses them, so they are skipped.
"""

from __future__ import annotations

import inspect
import sys
import weakref
from dataclasses import dataclass
from types import FrameType
from typing import Any

from database.engine.call_site import caller_location

_SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
#: Packages that run a generator as a context manager.
_DRIVERS = frozenset({"contextlib", "_pytest", "pytest_asyncio"})


@dataclass(frozen=True, eq=False, slots=True)
class Opener:
    """The code that opened a scope.

    Attributes
    ----------
    place : str
        Its ``file:line``.
    frame : FrameType or None
        The frame of the generator or coroutine that contains the block; None for a function.
    task : weakref to asyncio.Task, or None
        The task that was running. A weak reference: the scope ends with an abandoned task.
    """

    place: str
    frame: FrameType | None
    task: weakref.ref[Any] | None

    @classmethod
    def here(cls) -> Opener:
        """Return the opener of a scope that is being opened: the nearest caller outside this package."""
        task = current_task()
        return cls(caller_location(), _suspendable_frame(), None if task is None else weakref.ref(task))

    def is_of_another_task(self) -> bool:
        """Return whether it belongs to another asyncio task than the running one."""
        return self.task is not None and self.task() is not current_task()

    def is_suspended(self) -> bool:
        """Return whether it is a suspended generator or coroutine: its frame is not among the callers."""
        if self.frame is None:
            return False
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame is self.frame:
                return False
            frame = frame.f_back
        return True


def current_task() -> Any:
    """Return the running asyncio task, or None; does not import asyncio."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or asyncio._get_running_loop() is None:
        return None
    return asyncio.current_task()


def _suspendable_frame() -> FrameType | None:
    """Return the frame of the generator or coroutine that is opening a scope, if it is one."""
    frame: FrameType | None = sys._getframe(3)  # the caller of `scoped_session`
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
