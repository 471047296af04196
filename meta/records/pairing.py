"""Comparable readings of two methods: one per repetition, over the configurations that both have."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.series_file.models import ResampledSection
from meta.records.dependence import Dependence, dependence_of
from meta.records.errors import GraphError
from meta.records.readings import number, refuse_huge
from meta.records.series_records import ConfigurationRecord, SeriesRecords
from meta.records.splits import split_ratios
from meta.statistics.comparisons.difference import Stratum

#: What distinguishes a method's configurations: the places of their values of the other parameters.
Block = tuple[int, ...]
#: The configurations of each value, each with its block.
Members = Mapping[str, Sequence[tuple[Block, ConfigurationRecord]]]
#: The finite readings of a method, by block and repetition.
Readings = Mapping[Block, Mapping[int, float]]


@dataclass(frozen=True)
class Paired:
    """The readings of two methods.

    Experiments with the same seed are not independent across configurations: with several configurations
    (blocks) each repetition counts once, by its mean over all of them.

    Attributes
    ----------
    scores : tuple of ndarray, shape (repetitions, configurations)
        The readings of both; if paired, of equal shape, with the same repetition in the same row.
    paired : bool
    left_out : tuple of int
        How many readings of each method are not used: those of other blocks, and those of repetitions that
        are not complete.
    """

    scores: tuple[NDArray[np.float64], NDArray[np.float64]]
    paired: bool
    left_out: tuple[int, int]

    @property
    def first(self) -> NDArray[np.float64]:
        """The mean of each repetition of the first method, shape (repetitions,)."""
        return self._means(0)

    @property
    def second(self) -> NDArray[np.float64]:
        """That of the second method; if paired, with the same repetition at the same index."""
        return self._means(1)

    @property
    def blocks(self) -> int:
        """How many configurations of the other parameters both methods have."""
        return int(self.scores[0].shape[1])

    @property
    def can_be_compared(self) -> bool:
        """Whether both have readings."""
        return bool(self.blocks and all(map(len, self.scores)))

    def _means(self, method: int) -> NDArray[np.float64]:
        scores = self.scores[method]
        return np.asarray(scores.mean(axis=1)) if self.blocks else np.empty(0)


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
        _scores(method, blocks, kept) for method, kept in zip((first, second), complete, strict=True)
    )
    unused = [
        sum(map(len, method.values())) - len(kept) * len(blocks)
        for method, kept in zip((first, second), complete, strict=True)
    ]
    return Paired((of_first, of_second), paired, (unused[0], unused[1]))


def _complete(readings: Readings, blocks: Sequence[Block]) -> list[int]:
    """Return the repetitions that every block has."""
    if not blocks:
        return []
    return sorted(set.intersection(*(set(readings[block]) for block in blocks)))


def _scores(readings: Readings, blocks: Sequence[Block], repetitions: Sequence[int]) -> NDArray[np.float64]:
    rows = [[readings[block][repetition] for block in blocks] for repetition in repetitions]
    return np.array(rows, dtype=np.float64).reshape(len(repetitions), len(blocks))


@dataclass(frozen=True)
class Together:
    """What belongs together when two values of a parameter are compared.

    Attributes
    ----------
    paired : bool
        Whether equal repetitions of the two do.
    dependence : Dependence
        What does among the configurations that are averaged over.
    labels : mapping of int to int
        The stratum of each configuration, by its id.
    resampled : ResampledSection or None
        The sizes of test and training sets, where repetitions are resampled splits of one data set.
    """

    paired: bool
    dependence: Dependence
    labels: Mapping[int, int]
    resampled: ResampledSection | None

    @classmethod
    def of(
        cls,
        records: SeriesRecords,
        members: Members,
        of: str,
        *,
        paired: bool | None,
        strata: Sequence[str] | None,
        resampled: ResampledSection | None,
    ) -> Together:
        """Return what belongs together among the values of a parameter.

        Parameters
        ----------
        records : SeriesRecords
            Their `analysis` holds where nothing else is said.
        members : mapping of str to sequence of (block, configuration)
            By value.
        of : str
            The parameter.
        paired, strata, resampled
            What is said, or None.

        Raises
        ------
        GraphError
            Repetitions that are no pairs are to be compared as such.
        """
        if paired and not records.shares_seeds:
            raise GraphError(
                "the configurations of this series do not share their seeds, so that no repetition of one "
                "belongs to one of another; compare them unpaired"
            )
        dependence = dependence_of(records, paired=paired, strata=strata)
        labels = dependence.labels(records.configurations)
        by_id = {member.id: label for member, label in zip(records.configurations, labels, strict=True)}
        of_blocks: dict[Block, set[int]] = {}
        for block, member in itertools.chain.from_iterable(members.values()):
            of_blocks.setdefault(block, set()).add(by_id[member.id])
        is_paired = dependence.paired and all(len(found) == 1 for found in of_blocks.values())
        if paired and not is_paired:
            raise GraphError(
                f"an equal seed means nothing in common between values of {of}, by the strata; compare them "
                "unpaired"
            )
        resampled = records.analysis.resampled if resampled is None else resampled
        if resampled is not None and not is_paired:
            raise GraphError(
                "resampled splits of one data set are compared in pairs, both values on the same splits, and "
                f"repetitions of different values of {of} are not paired here"
            )
        return cls(is_paired, dependence, by_id, resampled)

    def strata_of(
        self, members: Iterable[tuple[Block, ConfigurationRecord]], first: Readings, second: Readings
    ) -> list[Stratum]:
        """Return what two values are compared by, apart for each stratum of their configurations.

        Parameters
        ----------
        members : iterable of (block, configuration)
            Those of the first.
        first, second : mapping of block to mapping of repetition to float
        """
        common = [(block, member) for block, member in members if block in first and block in second]
        labels = [self.labels[member.id] for _, member in common]
        ratios = split_ratios(self.resampled, [member for _, member in common]).tolist()
        strata = []
        for label in dict.fromkeys(labels):
            mine = [place for place, other in enumerate(labels) if other == label]
            blocks = [common[place][0] for place in mine]
            of_first, of_second = ({block: method[block] for block in blocks} for method in (first, second))
            found = pair(of_first, of_second, paired=self.paired)
            ratio = max(ratios[place] for place in mine)
            strata.append(Stratum(found.first, found.second, len(blocks) / len(common), ratio))
        return strata
