"""When a worker is replaced by a fresh one: against memory that user code does not release."""

from __future__ import annotations

import psutil

from experiments.execution.options import Execution


class Recycling:
    """Counts what a worker has run and measures how much it has grown.

    Parameters
    ----------
    execution : Execution
        Contains the limits.
    """

    def __init__(self, execution: Execution) -> None:
        self._most = execution.recycle_after
        self._done = 0
        self._growth = execution.recycle_growth_bytes
        self._first: int | None = None

    def room(self, wanted: int) -> int:
        """Return how many of `wanted` experiments this worker may still take."""
        return wanted if self._most is None else max(0, min(wanted, self._most - self._done))

    def count(self) -> None:
        """Note that an experiment has run."""
        self._done += 1

    def is_due(self) -> bool:
        """Return whether the worker should end now; asked between batches.

        Growth counts from the end of the first batch, which is one experiment: each worker needs what that
        has loaded.
        """
        if self._most is not None and self._done >= self._most:
            return True
        if self._growth is None or self._done == 0:
            return False
        size = resident_bytes()
        if self._first is None:
            self._first = size
        return size - self._first > self._growth


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes."""
    return int(psutil.Process().memory_info().rss)
