"""The readings of experiments from which one point of a graph is computed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from database.models import ExperimentStatus
from database.models.outcome import UNSUCCESSFUL, Fault
from experiments.series_file.sections.graphs import LARGEST_NUMBER
from experiments.units import shortened
from meta.records.errors import GraphError
from meta.records.measures import as_reading
from meta.records.series_records import CompletedExperiment, ConfigurationRecord
from meta.statistics.estimators.arrays import Floats, Integers

Goal = Literal["max", "min"]
NAN = "NaN"
_NOT_FINITE = ("inf", "-inf", NAN)
#: What stands for the reading of a completed experiment that does not have the result, or has null.
NO_RESULT = "no result"
#: How experiments end that fail by themselves, whichever computer they run on; of some that failed nothing
#: more is known.
OWN_FAILURES = (
    *(outcome.value for outcome in UNSUCCESSFUL if outcome.rules.fault is Fault.EXPERIMENT),
    ExperimentStatus.FAILED.value,
)


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
    odd : sequence of Counter
        Of each of them, how many completed experiments have what instead of a finite reading: ``inf``,
        ``-inf``, ``NaN``, `NO_RESULT`, or a text in quotes (``a list`` and the like).
    """

    members: Sequence[ConfigurationRecord]
    strata: Sequence[Floats]
    repetitions: Sequence[Integers]
    odd: Sequence[Counter[str]]

    @classmethod
    def of(cls, members: Sequence[ConfigurationRecord], key: str, *beside: str) -> Point:
        """Return the readings of the result called `key`, of the experiments that have `beside` it too."""
        names = (key, *beside)
        nothing = Counter[str]()  # most configurations have nothing odd, and there may be many
        # Lists, as arrays of the few experiments of each configuration take longer.
        readings: list[float] = []
        numbers: list[int] = []
        odd, ends = [], [0]
        for member in members:
            others = nothing
            for experiment in member.completed:
                found = _found(experiment, names)
                if isinstance(found, str):
                    others = others or Counter()
                    others[found] += 1
                else:
                    readings.append(found)
                    numbers.append(experiment.repetition)
            odd.append(others)
            ends.append(len(readings))
        finite, of_finite = np.array(readings, dtype=np.float64), np.array(numbers, dtype=np.int64)
        refuse_huge(finite, key)
        strata = [finite[start:end] for start, end in pairwise(ends)]
        repetitions = [of_finite[start:end] for start, end in pairwise(ends)]
        return cls(members, strata, repetitions, odd)

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
    def non_finite(self) -> int:
        """How many experiments have a reading that is NaN or infinite."""
        instead = self._instead
        return sum(instead[name] for name in _NOT_FINITE)

    @property
    def without(self) -> int:
        """How many completed experiments do not have the result, or null in its place."""
        return self._instead[NO_RESULT]

    @property
    def texts(self) -> Counter[str]:
        """How many completed experiments have which text, or which kind of value that is no number."""
        texts = self._instead
        for name in (*_NOT_FINITE, NO_RESULT):
            del texts[name]
        return texts

    @property
    def _instead(self) -> Counter[str]:
        """What there is instead of finite readings, of all configurations together."""
        instead = Counter[str]()
        for others in filter(None, self.odd):
            instead.update(others)
        return instead

    @property
    def is_complete(self) -> bool:
        """Whether each configuration has a reading: the average of only some of them is another quantity."""
        return all(self.sizes)


@dataclass(frozen=True)
class Runs:
    """The experiments of a point by what they reached of a result that has a goal.

    An experiment that never reached it has the infinitely bad reading: inf where less is better, -inf where
    more is. The infinitely good one is of those that were there from the start.

    Attributes
    ----------
    strata : sequence of ndarray
        Of each configuration the readings, finite and infinite, of the experiments that count.
    worst : float
        The infinitely bad reading.
    never : Counter
        How many of them never reached it, by the reason: ``inf`` or ``-inf``, ``NaN``, `NO_RESULT`, or how
        the experiment ended.
    not_run : Counter
        How many experiments do not count as they did not run to an end of their own, by outcome or status.
    left_out : Counter
        How many more do not count, by the reason.
    """

    strata: Sequence[Floats]
    worst: float
    never: Counter[str]
    not_run: Counter[str]
    left_out: Counter[str]

    @classmethod
    def of(cls, point: Point, goal: Goal, *, missing_is_never: bool) -> Runs:
        """Tell the experiments apart.

        Parameters
        ----------
        point : Point
        goal : str
            ``min`` where less is better, or ``max``.
        missing_is_never : bool
            Whether NaN, a missing result and a failure of the experiment's own count as never, too.
        """
        worst, best = ("inf", "-inf") if goal == "min" else ("-inf", "inf")
        strata = []
        never, not_run, left_out = Counter[str](), Counter[str](), Counter[str]()
        missing = never if missing_is_never else left_out
        for member, readings, others in zip(point.members, point.strata, point.odd, strict=True):
            if not (others or member.unfinished):
                strata.append(readings)
                continue
            before = never.total()
            for end in member.unfinished.values():
                (missing if end in OWN_FAILURES else not_run)[end] += 1
            for name in (NAN, NO_RESULT):
                missing[name] += others[name]
            never[worst] += others[worst]
            infinite = [float(worst)] * (never.total() - before) + [float(best)] * others[best]
            strata.append(np.concatenate([readings, infinite]))
        return cls(strata, float(worst), +never, not_run, +left_out)

    @property
    def readings(self) -> Floats:
        """The readings of all configurations, one after the other."""
        return np.concatenate(self.strata)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many experiments of each configuration count."""
        return tuple(map(len, self.strata))

    @property
    def from_start(self) -> int:
        """How many were there from the start."""
        return int(np.count_nonzero(np.isinf(self.readings))) - self.never.total()


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


def _found(experiment: CompletedExperiment, names: Sequence[str]) -> float | str:
    """Return an experiment's reading of the first result, or what it has instead of finite ones of all."""
    found: list[float] = []
    for name in names:
        reading = number(experiment, name)
        if reading is None:
            value = experiment.results.get(name)
            return NO_RESULT if value is None else shortened(value)
        found.append(reading)
    for reading in found:
        if not math.isfinite(reading):
            return NAN if math.isnan(reading) else str(reading)
    return found[0]


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
    return as_reading(value) if isinstance(value, int | float) else None
