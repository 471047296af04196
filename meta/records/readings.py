"""The readings of experiments from which one point of a graph is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.series_file.sections.graphs import LARGEST_NUMBER
from meta.records.errors import GraphError
from meta.records.series_records import CompletedExperiment, ConfigurationRecord
from meta.statistics.estimators.arrays import Floats, Integers


@dataclass(frozen=True)
class Point:
    """The readings of completed experiments for one point.

    Attributes
    ----------
    members : sequence of ConfigurationRecord
        One configuration, or several that are averaged over.
    strata : sequence of ndarray
        The finite readings of each of them.
    repetitions : sequence of ndarray
        The repetition of each of these readings.
    without, non_finite : int
        How many experiments have no reading, and how many have one that is NaN or infinite.
    """

    members: Sequence[ConfigurationRecord]
    strata: Sequence[Floats]
    repetitions: Sequence[Integers]
    without: int
    non_finite: int

    @classmethod
    def of(cls, members: Sequence[ConfigurationRecord], key: str, *beside: str) -> Point:
        """Return the readings of the result called `key`, of the experiments that have `beside` it too."""
        strata, repetitions = [], []
        without = non_finite = 0
        for member in members:
            read = {
                experiment.repetition: [number(experiment, name) for name in (key, *beside)]
                for experiment in member.completed
            }
            present = {repetition: found for repetition, found in read.items() if None not in found}
            found = np.array(list(present.values()), dtype=np.float64).reshape(-1, 1 + len(beside))
            is_finite = np.isfinite(found).all(axis=1)
            readings = found[:, 0]
            refuse_huge(readings, key)
            without += len(member.completed) - len(present)
            non_finite += len(present) - int(is_finite.sum())
            strata.append(readings[is_finite])
            repetitions.append(np.array(list(present), dtype=np.int64)[is_finite])
        return cls(members, strata, repetitions, without, non_finite)

    @property
    def readings(self) -> Floats:
        """The readings of all configurations, one after the other."""
        return np.concatenate(self.strata)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many repetitions of each configuration have a reading."""
        return tuple(map(len, self.strata))

    @property
    def scores(self) -> Floats:
        """The readings side by side, shape (repetitions, configurations)."""
        return side_by_side(self.strata, self.repetitions)

    @property
    def is_complete(self) -> bool:
        """Whether each configuration has a reading: the average of only some of them is another quantity."""
        return all(self.sizes)


def side_by_side(strata: Sequence[Floats], repetitions: Sequence[Integers]) -> Floats:
    """Return the readings of several configurations with one row for each repetition that any of them has.

    Parameters
    ----------
    strata : sequence of ndarray
        The readings of each configuration.
    repetitions : sequence of ndarray
        The repetition of each reading.

    Returns
    -------
    ndarray, shape (repetitions, configurations)
        NaN where a configuration has no reading of a repetition.
    """
    known = np.unique(np.concatenate(repetitions))
    scores = np.full((len(known), len(strata)), np.nan)
    for column, (readings, numbers) in enumerate(zip(strata, repetitions, strict=True)):
        scores[np.searchsorted(known, numbers), column] = readings
    return scores


def missing_of(members: Sequence[ConfigurationRecord]) -> Counter[str]:
    """Return how many experiments of these configurations are not completed, by outcome or status."""
    return sum((member.missing for member in members), Counter[str]())


def refuse_huge(readings: Floats, name: str) -> None:
    """Refuse finite readings that are too large to compute with or to draw.

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
            "computed: leave those experiments out (where), or return NaN from those that diverge"
        )


def number(experiment: CompletedExperiment, name: str) -> float | None:
    """Return a result as a number (true is 1), or None when it is missing or not a number."""
    value = experiment.results.get(name)
    if not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer beyond the largest float
        return float("inf")
