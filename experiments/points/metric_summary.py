"""The summary of a logged metric: last, min, max and count."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy

from database.claims.types import Chunk


@dataclass(frozen=True)
class MetricSummary:
    """The summary of some consecutive points.

    Attributes
    ----------
    last : float
        The reading that was logged last.
    smallest, largest : float
        Of the readings that are not NaN; NaN if there is none.
    count : int
        How many points there are.
    """

    last: float = math.nan
    smallest: float = math.nan
    largest: float = math.nan
    count: int = 0

    def followed_by(self, chunk: Chunk) -> MetricSummary:
        """Return the summary of these points and those of a chunk that follows."""
        readings = numpy.frombuffer(chunk.readings, dtype="<f8")
        with numpy.errstate(all="ignore"):  # user code may have made errors of warnings
            # fmin and fmax leave out NaN unless there is nothing else.
            smallest = numpy.fmin(self.smallest, numpy.fmin.reduce(readings))
            largest = numpy.fmax(self.largest, numpy.fmax.reduce(readings))
        return MetricSummary(float(readings[-1]), float(smallest), float(largest), self.count + chunk.count)

    def as_results(self) -> dict[str, float | int]:
        """Return it as recorded in `results.metrics.NAME`."""
        return {"last": self.last, "min": self.smallest, "max": self.largest, "count": self.count}
