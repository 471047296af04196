"""Handing objects to other processes in an unnamed file, with arrays memory-mapped.

Pipes carry only where an object lies. The file has no name, so that nothing of it is left when all processes
are; the pages of its arrays are shared.
"""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from multiprocessing.reduction import DupFd
from typing import Any, NamedTuple, Self


class Part(NamedTuple):
    """A range of the file, in bytes."""

    start: int
    size: int


class SharedFile:
    """A file that one process writes objects into, and others, which are started with it, read them from.

    Parameters
    ----------
    descriptor : int
        Of the file, which is closed with this object.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # The arrays are kept, so that their ids cannot become those of others.
        self._known: dict[int, tuple[Part, object]] = {}

    @classmethod
    def without_name(cls) -> Self:
        """Create an unnamed file."""
        with tempfile.TemporaryFile(prefix="experiments-graphs-") as file:
            return cls(os.dup(file.fileno()))

    def __reduce__(self) -> Any:
        """Hand the descriptor to a process that is started."""
        return _received, (DupFd(self._descriptor),)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def put(self, value: Any) -> Part:
        """Write an object; an array that was written before is not written again.

        Raises
        ------
        OSError
            The disk is full.
        """
        buffers: list[pickle.PickleBuffer] = []
        body = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        arrays = [self._array(buffer.raw()) for buffer in buffers]
        return self._append(pickle.dumps((body, arrays)))

    def get(self, part: Part) -> Any:
        """Return an object that was written; its arrays can only be read."""
        view = memoryview(mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ))
        body, arrays = pickle.loads(_slice(view, part))  # noqa: S301 - we wrote it
        return pickle.loads(body, buffers=[_slice(view, array) for array in arrays])  # noqa: S301 - we wrote it

    def clear(self) -> None:
        """Truncate the file; no process may still be reading."""
        self._known.clear()
        os.ftruncate(self._descriptor, 0)

    def close(self) -> None:
        """Close the file: its space is freed when the other processes have ended."""
        self._known.clear()
        os.close(self._descriptor)

    def _array(self, raw: memoryview) -> Part:
        key = id(raw.obj)
        if key not in self._known:
            self._known[key] = self._append(raw), raw.obj
        return self._known[key][0]

    def _append(self, content: bytes | memoryview) -> Part:
        left = memoryview(content)
        start = end = os.fstat(self._descriptor).st_size
        while left:
            written = os.pwrite(self._descriptor, left, end)
            left, end = left[written:], end + written
        return Part(start, end - start)


def _slice(view: memoryview, part: Part) -> memoryview:
    return view[part.start : part.start + part.size]


def _received(descriptor: Any) -> SharedFile:
    return SharedFile(descriptor.detach())
