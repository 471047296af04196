"""Buffers of logged metrics, from which chunks and a summary are taken."""

from __future__ import annotations

import math
import operator
import sys
from array import array
from dataclasses import dataclass, field
from typing import Any

from database.claims.types import Chunk

MAX_NAME_LENGTH = 200


@dataclass
class MetricBuffer:
    """The points of one metric that are not written yet, and a summary of all its points.

    Attributes
    ----------
    steps, readings, seconds : array
        Of equal length: int64, float64, float64.
    """

    name: str
    steps: array[int] = field(default_factory=lambda: array("q"))
    readings: array[float] = field(default_factory=lambda: array("d"))
    seconds: array[float] = field(default_factory=lambda: array("d"))
    chunks_taken: int = 0
    count: int = 0
    last: float = math.nan
    smallest: float = math.nan
    largest: float = math.nan

    def append(self, step: Any, reading: Any, second: float) -> None:
        """Add a point; the arrays stay of equal length whatever is raised.

        Raises
        ------
        TypeError, OverflowError
            The step is no 64-bit integer or the reading no number.
        """
        number = float(reading)
        self.steps.append(operator.index(step))
        self.readings.append(number)
        self.seconds.append(second)

    def take_chunk(self) -> Chunk | None:
        """Return the points since the last chunk and start a new one."""
        if not self.readings:
            return None
        self._summarise()
        chunk = Chunk(
            self.name,
            self.chunks_taken,
            len(self.readings),
            _little_endian(self.steps).tobytes(),
            _little_endian(self.readings).tobytes(),
            _little_endian(self.seconds).tobytes(),
        )
        self.chunks_taken += 1
        del self.steps[:], self.readings[:], self.seconds[:]
        return chunk

    def put_back(self, chunk: Chunk) -> None:
        """Undo `take_chunk`, except for the summary, which already includes these points.

        The chunk could not be written; it goes in front of what was logged since.
        """
        halves: list[tuple[array[Any], bytes]] = [
            (self.steps, chunk.steps),
            (self.readings, chunk.readings),
            (self.seconds, chunk.seconds),
        ]
        for numbers, data in halves:
            numbers[:0] = _little_endian(array(numbers.typecode, data))
        self.chunks_taken -= 1
        self.count -= chunk.count

    def summary(self) -> dict[str, float | int]:
        """Return last, min, max (of what is not NaN) and count, for `results.metrics.NAME`."""
        return {"last": self.last, "min": self.smallest, "max": self.largest, "count": self.count}

    def _summarise(self) -> None:
        readings = self.readings
        self.count += len(readings)
        self.last = readings[-1]
        known: Any = readings
        if math.isnan(sum(readings)):  # sum is the fastest test; inf - inf is rare
            known = [reading for reading in readings if not math.isnan(reading)]
        if known:
            self.smallest = _least(self.smallest, min(known))
            self.largest = -_least(-self.largest, -max(known))


def _least(known: float, other: float) -> float:
    return other if math.isnan(known) else min(known, other)


def _little_endian(numbers: array[Any]) -> array[Any]:
    """Return a copy with the bytes as they are recorded on all hosts, or of such a copy the numbers again."""
    copy = numbers[:]
    if sys.byteorder == "big":
        copy.byteswap()
    return copy
