"""Handing arrays to the processes that draw: written once into a file that has no name, and mapped there.

The file has no name, so that nothing of it is left when a process is killed; its pages are shared.
"""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class _Part:
    """A range of the file."""

    start: int
    size: int


@dataclass(frozen=True)
class Packed:
    """Where in the file an object lies: its body, and the arrays in it."""

    body: _Part
    arrays: tuple[_Part, ...]


class Handover:
    """The giving side; what lies in the file already is not written again."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="experiments-graphs-")  # noqa: SIM115 - `close` closes it
        # The buffers are kept, so that their addresses cannot become those of others.
        self._known: dict[tuple[int, int], tuple[_Part, memoryview]] = {}

    def fileno(self) -> int:
        """Return the descriptor that a child takes over."""
        return self._file.fileno()

    def pack(self, value: Any) -> Packed:
        """Write an object with its arrays.

        Raises
        ------
        OSError
            There is no room left.
        """
        buffers: list[pickle.PickleBuffer] = []
        body = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        arrays = tuple(self._array(buffer.raw()) for buffer in buffers)
        packed = Packed(self._written(body), arrays)
        self._file.flush()
        return packed

    def clear(self) -> None:
        """Forget everything; nobody may still be reading."""
        self._known.clear()
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        """Give the room back."""
        self._known.clear()
        self._file.close()

    def _array(self, raw: memoryview) -> _Part:
        key = _address(raw), raw.nbytes
        if key not in self._known:
            self._known[key] = self._written(raw), raw
        return self._known[key][0]

    def _written(self, content: bytes | memoryview) -> _Part:
        part = _Part(self._file.tell(), len(content))
        self._file.write(content)
        return part


def _address(raw: memoryview) -> int:
    import numpy as np

    return int(np.frombuffer(raw, dtype=np.uint8).ctypes.data) if raw.nbytes else 0


def unpack(descriptor: int, packed: Packed) -> Any:
    """Return the object that the giving side packed; its arrays can only be read."""
    body = os.pread(descriptor, packed.body.size, packed.body.start)
    if not any(part.size for part in packed.arrays):
        return pickle.loads(body, buffers=[b""] * len(packed.arrays))  # noqa: S301 - our own parent wrote it
    view = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
    arrays = [view[part.start : part.start + part.size] for part in packed.arrays]
    return pickle.loads(body, buffers=arrays)  # noqa: S301 - our own parent wrote it
