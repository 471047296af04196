"""The values of a parameter compared two by two: which is larger, by how much, and how sure that is."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from database.errors import ExperimentsError
from database.suggestions import suggestion
from experiments.series_file.models import ResampledSection
from meta.comparison_notes import left_out, missing_experiments, nothing_to_compare, scores_of_different_size
from meta.graphs.captions.missing_data import ended
from meta.graphs.data.plan import Variable, make_variable
from meta.records.pairing import Block, Members, Paired, Readings, Together, finite_readings, pair
from meta.records.readings import Point
from meta.records.series_records import ConfigurationRecord, SeriesRecords
from meta.records.value_set import ABSENT, ValueSet, short_names
from meta.statistics.comparisons.effects import effect_sizes
from meta.statistics.comparisons.pairwise import PairComparison, compare_pairs
from meta.statistics.intervals.resampling import DEFAULT_LEVEL, Resampling


class ComparisonError(ExperimentsError, ValueError):
    """The values cannot be compared as requested; the message names what to request instead."""


@dataclass(frozen=True)
class ComparedPair:
    """Two values of the parameter.

    Attributes
    ----------
    first, second : str
        What the values are called; a positive difference means that results of the first are larger.
    readings : Paired
        What is compared.
    result : PairComparison or None
        None where there is nothing to compare.
    known : tuple of int
        How many finite readings each value has, compared or not.
    tried : int
        How many repetitions have ended in each of the configurations that are compared.
    without : mapping of str to sequence of str
        What it does not compare: per value the configurations in which it has no finite reading, but the
        other one may have, each by its values of the parameters averaged over.
    """

    first: str
    second: str
    readings: Paired
    result: PairComparison | None
    known: tuple[int, int]
    tried: int
    without: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def complete(self) -> int:
        """How many repetitions have all readings (of the method that has fewer)."""
        return min(len(self.readings.first), len(self.readings.second))

    @property
    def mean_delta(self) -> float | None:
        """The mean of Cliff's deltas of the configurations averaged over; None of a single one.

        That of the averages is another number: an average over several varies less than each of them.
        """
        if self.result is None or self.readings.blocks < 2:
            return None
        columns = zip(*(scores.T for scores in self.readings.scores), strict=True)
        return float(np.mean([effect_sizes(one, other).cliffs_delta for one, other in columns]))

    @property
    def hardly_differ(self) -> bool:
        """Whether so few pairs differ at all that the test, which leaves out the others, can find nothing."""
        if self.result is None or not self.result.significance.paired:
            return False
        found = self.result.significance
        limit = 1 - self.result.difference.resampling.level
        return 0 < found.sizes[0] < self.complete and found.smallest_p > limit

    @property
    def more_seeds(self) -> int | None:
        """How many more seeds would decide, if as large a share of them as now has all readings.

        None where it is unknown: also where hardly any pair differs, as it depends on how many of them will.
        """
        if self.result is None or self.result.plan.more is None or self.hardly_differ:
            return None
        if self.result.is_significant:
            return 0
        # Rounded up, in whole numbers.
        return -(-self.result.plan.more * max(self.tried, self.complete) // self.complete)


@dataclass(frozen=True)
class ValueComparison:
    """The comparison of all pairs that were requested.

    Attributes
    ----------
    series, of : str
    where : str or None
        The expression that selects the experiments; None for all of them.
    on : Variable
    over : sequence of str
        Those of the parameters averaged over that distinguish the configurations of a value: each repetition
        counts once, by its mean over the configurations that both values have.
    paired : bool
        Whether repetitions with the same seed are compared with each other.
    strata : sequence of str
        Of the parameters averaged over, those between whose values an equal seed means nothing in common.
    resampled : ResampledSection or None
        The sizes of test and training sets, where repetitions are resampled splits of one data set.
    level : float
        Of the intervals, each by itself; a p of at most 1 - level counts as a difference.
    pairs : sequence of ComparedPair
    notes : sequence of str
        What is missing or left out.
    """

    series: str
    of: str
    where: str | None
    on: Variable
    over: Sequence[str]
    paired: bool
    strata: Sequence[str]
    resampled: ResampledSection | None
    level: float
    pairs: Sequence[ComparedPair]
    notes: Sequence[str]

    @property
    def simultaneous_level(self) -> float:
        """The level at which all intervals together hold the differences as often as `level` (Bonferroni)."""
        return 1 - (1 - self.level) / len(self.compared)

    @property
    def compared(self) -> list[PairComparison]:
        """The results of the pairs that have readings; p values are corrected for their number."""
        return [pair.result for pair in self.pairs if pair.result is not None]


def compare_values(  # noqa: PLR0913 - one for each option of the command
    records: SeriesRecords,
    of: str,
    on: str,
    *,
    over: Sequence[str] = (),
    baseline: str | None = None,
    paired: bool | None = None,
    strata: Sequence[str] | None = None,
    resampled: ResampledSection | None = None,
    level: float = DEFAULT_LEVEL,
) -> ValueComparison:
    """Compare the values of a parameter two by two.

    Parameters
    ----------
    records : SeriesRecords
    of : str
        The parameter.
    on : str
        A result by its dotted name; if there is none of that name, the metric's last value.
    over : sequence of str
        The parameters that are averaged over: all in which the configurations of a value differ, except
        those that only change together with others.
    baseline : str, optional
        The value that all others are compared with, as it is shown; by default all pairs are compared.
    paired : bool, optional
        By default as `analysis` of the series says, else whether its repetitions share their seeds.
    strata : sequence of str, optional
        Parameters between whose values an equal seed means nothing in common; by default those of `analysis`.
    resampled : ResampledSection, optional
        The sizes of test and training sets, where repetitions are resampled splits of one data set; by
        default those of `analysis`.
    level : float

    Raises
    ------
    ComparisonError
        There is no such parameter or value, a parameter that is not named would be averaged over, or there
        is nothing to compare.
    GraphError
        There is no such result or stratum, or repetitions that are no pairs are to be compared as such.
    """
    if not any(member.completed for member in records.configurations):
        raise ComparisonError(f"{records.nothing_completed()}: nothing to compare")
    values = records.parameter_values()
    for name in (of, *over):
        if name not in values:
            raise ComparisonError(
                f"there is no parameter named {name!r}; "
                f"{suggestion(name, values, kind='parameters of the series')}"
            )
    if of in over:
        raise ComparisonError(f"{of} is the parameter compared: it cannot be averaged over as well")
    labels = values[of].labels
    if len(labels) < 2:
        selection = "" if records.where is None else f" where {records.where}"
        raise ComparisonError(f"{of} is always {labels[0]}{selection}: there is nothing to compare it with")
    if baseline is not None and baseline not in labels:
        raise ComparisonError(
            f"{of} is never {baseline!r}; {suggestion(baseline, labels, kind='its values')}"
        )
    reading = make_variable(on, records, "on")
    over = _averaged(records, values, of, over)
    members = _members(records, values, of, over)
    readings = {label: finite_readings(members[label], reading.key) for label in labels}
    points = {label: Point.of([member for _, member in members[label]], reading.key) for label in labels}
    together = Together.of(records, members, of, paired=paired, strata=strata, resampled=resampled)
    labels_of_blocks = _block_labels(values, over, members)
    label_pairs: list[tuple[str, str]] = (
        list(itertools.combinations(labels, 2))
        if baseline is None
        else [(label, baseline) for label in labels if label != baseline]
    )
    pairs = {
        (first, second): pair(readings[first], readings[second], paired=together.paired)
        for first, second in label_pairs
    }
    digest = hashlib.sha256("\0".join(("compare", records.name, of, reading.key)).encode()).digest()
    known = {names: both for names, both in pairs.items() if both.can_be_compared}
    compared = compare_pairs(
        {names: (both.first, both.second) for names, both in known.items()},
        Resampling(int.from_bytes(digest[:8], "big"), level),
        paired=together.paired,
        strata={
            names: together.strata_of(members[names[0]], *(readings[name] for name in names))
            for names in known
        },
    )
    if not compared:
        raise ComparisonError(nothing_to_compare(of, reading, over, points))
    by_names = {(result.first, result.second): result for result in compared}
    counts = {label: len(point.readings) for label, point in points.items()}
    return ValueComparison(
        series=records.name,
        of=of,
        where=records.where,
        on=reading,
        over=over,
        paired=together.paired,
        strata=[name for name in together.dependence.strata if name in over],
        resampled=together.resampled,
        level=level,
        pairs=[
            ComparedPair(
                *names,
                both,
                by_names.get(names),
                (counts[names[0]], counts[names[1]]),
                _tried(*(members[label] for label in names)),
                _without(names, members, readings, labels_of_blocks) if over else {},
            )
            for names, both in pairs.items()
        ],
        notes=[
            *missing_experiments(records, values, of),
            *left_out(of, reading, points),
            *scores_of_different_size(over, reading, records),
        ],
    )


def _averaged(
    records: SeriesRecords, values: Mapping[str, ValueSet], of: str, over: Sequence[str]
) -> list[str]:
    """Return those of the parameters averaged over that distinguish the configurations of a value.

    Raises
    ------
    ComparisonError
        The configurations differ in other parameters too.
    """
    unnamed = records.parameter_table(values).distinguishing([of, *over])
    if unnamed:
        listed = ", ".join(f"{name} ({len(values[name])} values)" for name in unnamed)
        options = " ".join(f"--over {name}" for name in unnamed)
        raise ComparisonError(
            f"the values of {of} would be compared by averages over parameters that are not named: the "
            f"configurations also differ in {listed}. If that is what you want, add {options} (from Python "
            f"over={unnamed!r}); else choose one value of each (--where)"
        )
    named = {name: values[name] for name in (of, *over)}
    return records.parameter_table(named).distinguishing([of])


def _members(records: SeriesRecords, values: Mapping[str, ValueSet], of: str, over: Sequence[str]) -> Members:
    """Group the configurations by value; each with its values of the parameters averaged over."""
    by_value: dict[str, list[tuple[Block, ConfigurationRecord]]] = {}
    for member in records.configurations:
        block = tuple(values[name].place(member.parameters.get(name, ABSENT)) for name in over)
        label = values[of].label(member.parameters.get(of, ABSENT))
        by_value.setdefault(label, []).append((block, member))
    return by_value


def _tried(
    first: Sequence[tuple[Block, ConfigurationRecord]], second: Sequence[tuple[Block, ConfigurationRecord]]
) -> int:
    """Count the repetitions that have ended, with any outcome, in each configuration that both have."""
    common = {block for block, _ in first} & {block for block, _ in second}
    return min((ended(member) for block, member in (*first, *second) if block in common), default=0)


def _block_labels(values: Mapping[str, ValueSet], over: Sequence[str], members: Members) -> dict[Block, str]:
    """Return the label of each configuration's values of the parameters averaged over, in their order."""
    short = short_names(over)
    blocks = sorted({block for of_value in members.values() for block, _ in of_value})
    return {
        block: ", ".join(
            f"{short[name]}={values[name].labels[place]}" for name, place in zip(over, block, strict=True)
        )
        for block in blocks
    }


def _without(
    names: tuple[str, str], members: Members, readings: Mapping[str, Readings], labels: Mapping[Block, str]
) -> dict[str, list[str]]:
    """Return the configurations that a pair leaves out, for each value those in which it has no reading."""
    either = {block for name in names for block, _ in members[name]}
    without = {
        name: [label for block, label in labels.items() if block in either - readings[name].keys()]
        for name in names
    }
    return {name: blocks for name, blocks in without.items() if blocks}
