"""Comparable readings of two methods: one per repetition, over the configurations that both have."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meta.records.readings import number, refuse_huge
from meta.records.series_records import ConfigurationRecord

#: What distinguishes a method's configurations: the places of their values of the other parameters.
Block = tuple[int, ...]
#: The finite readings of a method, by block and repetition.
Readings = Mapping[Block, Mapping[int, float]]


@dataclass(frozen=True)
class Paired:
    """The readings of two methods.

    Experiments with the same seed are not independent across configurations: with several configurations
    (blocks) each repetition counts once, by its mean over all of them.

    Attributes
    ----------
    first, second : ndarray, shape (repetitions,)
        If paired, of equal length, with the same repetition at the same index.
    paired : bool
    blocks : int
        How many configurations of the other parameters both methods have.
    left_out : tuple of int
        How many readings of each method are not used: those of other blocks, and those of repetitions that
        are not complete.
    """

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    paired: bool
    blocks: int
    left_out: tuple[int, int]

    @property
    def can_be_compared(self) -> bool:
        """Whether both have readings."""
        return bool(len(self.first) and len(self.second))


def finite_readings(members: Iterable[tuple[Block, ConfigurationRecord]], key: str) -> Readings:
    """Return the finite readings of the result called `key`, by block and repetition.

    Raises
    ------
    GraphError
        Some are too large to compute with.
    """
    finite: dict[Block, dict[int, float]] = {}
    for block, member in members:
        for experiment in member.completed:
            reading = number(experiment, key)
            if reading is not None and math.isfinite(reading):
                finite.setdefault(block, {})[experiment.repetition] = reading
    for readings in finite.values():
        refuse_huge(np.array(list(readings.values())), key)
    return finite


def pair(first: Readings, second: Readings, *, paired: bool) -> Paired:
    """Return the readings of two methods that can be compared.

    Parameters
    ----------
    first, second : mapping of block to mapping of repetition to float
    paired : bool
        Whether repetitions of the same index have the same seed, and are paired.
    """
    blocks = [block for block in first if block in second]
    complete = [_complete(method, blocks) for method in (first, second)]
    if paired:
        both = [repetition for repetition in complete[0] if repetition in set(complete[1])]
        complete = [both, both]
    of_first, of_second = (
        _means(method, blocks, kept) for method, kept in zip((first, second), complete, strict=True)
    )
    unused = [
        sum(map(len, method.values())) - len(kept) * len(blocks)
        for method, kept in zip((first, second), complete, strict=True)
    ]
    return Paired(of_first, of_second, paired, len(blocks), (unused[0], unused[1]))


def _complete(readings: Readings, blocks: Sequence[Block]) -> list[int]:
    """Return the repetitions that every block has."""
    if not blocks:
        return []
    return sorted(set.intersection(*(set(readings[block]) for block in blocks)))


def _means(readings: Readings, blocks: Sequence[Block], repetitions: Sequence[int]) -> NDArray[np.float64]:
    if not blocks:
        return np.empty(0)
    rows = [[readings[block][repetition] for block in blocks] for repetition in repetitions]
    scores: NDArray[np.float64] = np.array(rows, dtype=np.float64).reshape(len(repetitions), len(blocks))
    return np.asarray(scores.mean(axis=1))
