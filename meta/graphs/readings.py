"""The numbers of experiments behind one point of a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.series_file.graphs import LARGEST_NUMBER
from meta.graphs.errors import GraphError
from meta.graphs.records import CompletedExperiment, ConfigurationRecord

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """What completed experiments say about one point.

    Attributes
    ----------
    members : sequence of ConfigurationRecord
        One, or several that are averaged over.
    strata : sequence of ndarray
        The finite readings of each of them.
    without, non_finite : int
        How many experiments do not have the reading, and of how many it is NaN or infinite.
    """

    members: Sequence[ConfigurationRecord]
    strata: Sequence[Floats]
    without: int
    non_finite: int

    @classmethod
    def of(cls, members: Sequence[ConfigurationRecord], key: str) -> Point:
        """Return the readings of the result called `key`."""
        strata = []
        without = non_finite = 0
        for member in members:
            found = [number(experiment, key) for experiment in member.completed]
            there = np.array([one for one in found if one is not None], dtype=np.float64)
            finite = there[np.isfinite(there)]
            refuse_huge(finite, key)
            without += len(found) - len(there)
            non_finite += len(there) - len(finite)
            strata.append(finite)
        return cls(members, strata, without, non_finite)

    @property
    def readings(self) -> Floats:
        """The readings of all configurations, one after the other."""
        return np.concatenate(self.strata)

    @property
    def is_complete(self) -> bool:
        """Say whether each configuration has a reading: an average of the others would be another one."""
        return all(len(stratum) for stratum in self.strata)


def missing_of(members: Sequence[ConfigurationRecord]) -> Counter[str]:
    """Return how many experiments of these configurations are not completed, by outcome or status."""
    return sum((Counter(member.missing) for member in members), Counter[str]())


def refuse_huge(readings: Floats, name: str) -> None:
    """Refuse finite readings that are too large for anything to be computed or drawn of them.

    Raises
    ------
    GraphError
        There are such readings.
    """
    huge = readings[np.abs(readings) > LARGEST_NUMBER]
    huge = huge[np.isfinite(huge)]
    if huge.size:
        largest = huge[np.abs(huge).argmax()]
        raise GraphError(
            f"{name!r} has readings as large as {largest:.4g}, and beyond {LARGEST_NUMBER:g} nothing is "
            "computed: leave those experiments out (where), or let those that diverge give NaN"
        )


def number(experiment: CompletedExperiment, name: str) -> float | None:
    """Return a result as a number (true is 1), or None when it is missing or is none."""
    value = experiment.results.get(name)
    if not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer beyond the largest float
        return float("inf")
