"""Passing objects between processes through an unnamed file, with arrays memory-mapped.

Queues carry only where an object lies: so short a message is never torn, whenever a process is killed. The
file has no name, so that nothing of it is left when all processes are; the pages of its arrays are shared.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import pickle
import tempfile
from typing import Any, NamedTuple, Self


class Part(NamedTuple):
    """A range of the file, in bytes."""

    start: int
    size: int


class SharedFile:
    """A file that several processes write objects into, and read them from.

    Parameters
    ----------
    descriptor : int
        Of the file, the same in all of these processes.
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

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def put(self, value: Any) -> Part:
        """Write an object; an array that this process has written before is not written again.

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
        """Return an object that one of the processes has written; its arrays can only be read."""
        body, arrays = pickle.loads(os.pread(self._descriptor, part.size, part.start))  # noqa: S301 - we wrote it
        if not any(array.size for array in arrays):
            return pickle.loads(body, buffers=[b""] * len(arrays))  # noqa: S301 - we wrote it
        view = memoryview(mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ))
        buffers = [view[array.start : array.start + array.size] for array in arrays]
        return pickle.loads(body, buffers=buffers)  # noqa: S301 - we wrote it

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
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)  # the kernel takes it back from a process that dies
        try:
            start = end = os.fstat(self._descriptor).st_size
            while left:
                written = os.pwrite(self._descriptor, left, end)
                left, end = left[written:], end + written
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN)
        return Part(start, end - start)
