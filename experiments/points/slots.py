"""Slots: the records in the file of points, and the chunks that they make."""

from __future__ import annotations

import os
import struct
from typing import Any

from database.claims.types import Chunk

SLOT_BYTES = 32
#: A point: the slot of the metric's name, step, reading, seconds.
POINT = struct.Struct("<Qqdd")
#: A name: a mark in place of the slot of a name, the number of the chunk, and the length of the text.
NAME = struct.Struct("<QQQ8x")
#: No text has these bytes.
NAME_MARK = 2**64 - 1
#: The first slot of points and names.
FIRST_SLOT = 2


def read_slots(file: int, begin: int, end: int) -> bytes:
    """Return slots; fewer when the file was made shorter meanwhile."""
    place, parts = begin * SLOT_BYTES, []
    while part := os.pread(file, end * SLOT_BYTES - place, place):  # the system returns 2 GiB at most
        parts.append(part)
        place += len(part)
    return b"".join(parts)


def chunks_in(data: bytes, begin: int) -> tuple[list[Chunk], int, int]:
    """Return the chunks in some slots, and the number of the last one and the slot at which it begins.

    Parameters
    ----------
    data : bytes
        The slots from the beginning of a chunk on; the last call may be incomplete.
    begin : int
        The number of the first slot.

    Raises
    ------
    ValueError, LookupError, struct.error
        It is not what `PointsWriter` writes.
    """
    import numpy  # noqa: PLC0415 - a supervisor does not need it before an experiment logs for some time

    slots = numpy.frombuffer(
        data,
        {"names": ["metric", "step", "reading", "second"], "formats": ["<u8", "<i8", "<f8", "<f8"]},
    )
    is_point = numpy.ones(len(slots), dtype=bool)
    names: dict[int, tuple[int, str]] = {}
    last, last_begin = -1, begin
    for place in numpy.flatnonzero(slots["metric"] == NAME_MARK).tolist():
        _, number, length = NAME.unpack_from(data, place * SLOT_BYTES)
        text_at = (place + 1) * SLOT_BYTES
        text = data[text_at : text_at + length]
        is_point[place : place + 1 + -(-length // SLOT_BYTES)] = False
        if number > last:
            last, last_begin = number, begin + place
        if len(text) == length:
            names[begin + place] = number, text.decode()
    points = slots[is_point]
    points = points[numpy.argsort(points["metric"], kind="stable")]
    metrics, starts = numpy.unique(points["metric"], return_index=True)
    parts: dict[tuple[int, str], list[Any]] = {}
    ends = numpy.searchsorted(points["metric"], metrics, side="right")
    for metric, start, end in zip(metrics.tolist(), starts, ends, strict=True):
        parts.setdefault(names[metric], []).append(points[start:end])
    return [_chunk(*owner, numpy.concatenate(each)) for owner, each in parts.items()], last, last_begin


def _chunk(number: int, metric: str, points: Any) -> Chunk:
    columns = (points[name].tobytes() for name in ("step", "reading", "second"))
    return Chunk(metric, number, len(points), *columns)
