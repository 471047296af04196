"""The values of a parameter compared two by two: which is larger, by how much, and how sure that is."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from database.errors import ExperimentsError
from database.nearest import suggestion
from meta.graphs.gaps import counted, progress
from meta.graphs.plan import Reading, make_reading
from meta.graphs.records import ConfigurationRecord, SeriesRecords
from meta.graphs.values import ABSENT, ValueSet
from meta.pairing import Block, Paired, Readings, finite_readings, pair
from meta.statistics.comparison import PairComparison, compare_pairs
from meta.statistics.resampling import DEFAULT_LEVEL, Resampling


class ComparisonError(ExperimentsError, ValueError):
    """The values cannot be compared as asked; the message says what to ask for instead."""


@dataclass(frozen=True)
class ComparedPair:
    """Two values of the parameter.

    Attributes
    ----------
    first, second : str
        What the values are called; a positive difference means that results of the first are larger.
    readings : Paired
        What is compared.
    found : PairComparison or None
        None where there is nothing to compare.
    """

    first: str
    second: str
    readings: Paired
    found: PairComparison | None


@dataclass(frozen=True)
class ValueComparison:
    """All pairs that were asked for.

    Attributes
    ----------
    series, of : str
    where : str or None
        What is true of the experiments that are compared, when they are not all.
    on : Reading
    over : sequence of str
        The other parameters: each repetition counts once, by its mean over what both values have of them.
    paired : bool
        Whether repetitions with the same seed are compared with each other.
    level : float
        Of the intervals; p at most 1 less it counts as a difference.
    pairs : sequence of ComparedPair
    notes : sequence of str
        What is missing.
    """

    series: str
    of: str
    where: str | None
    on: Reading
    over: Sequence[str]
    paired: bool
    level: float
    pairs: Sequence[ComparedPair]
    notes: Sequence[str]

    @property
    def compared(self) -> list[PairComparison]:
        """Those of which there is something to compare: the p values are corrected for so many."""
        return [one.found for one in self.pairs if one.found is not None]


def compare_values(
    records: SeriesRecords,
    of: str,
    on: str,
    *,
    baseline: str | None = None,
    paired: bool | None = None,
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
    baseline : str, optional
        The value that all others are compared with, as it is shown; by default all pairs are compared.
    paired : bool, optional
        By default whether the repetitions of the series share their seeds.
    level : float

    Raises
    ------
    ComparisonError
        There is no such parameter or value, or nothing to compare.
    GraphError
        There is no such result.
    """
    if not records.configurations:
        raise ComparisonError(f"{records.nothing_completed()}: nothing to compare")
    values = records.parameter_values()
    if of not in values:
        raise ComparisonError(
            f"there is no parameter named {of!r}; {suggestion(of, values, kind='parameters of the series')}"
        )
    labels = values[of].labels
    if len(labels) < 2:
        there = "" if records.where is None else f" where {records.where}"
        raise ComparisonError(f"{of} is always {labels[0]}{there}: there is nothing to compare it with")
    if baseline is not None and baseline not in labels:
        raise ComparisonError(
            f"{of} is never {baseline!r}; {suggestion(baseline, labels, kind='its values')}"
        )
    if paired and not records.shares_seeds:
        raise ComparisonError(
            "the configurations of this series do not share their seeds, so that no repetition of one "
            "belongs to one of another; compare them unpaired"
        )
    reading = make_reading(on, records, "on")
    over = records.parameter_table(values).telling_apart([of])
    readings = _readings(records, values, of, (over, reading.key))
    is_paired = records.shares_seeds if paired is None else paired
    names: list[tuple[str, str]] = (
        list(itertools.combinations(labels, 2))
        if baseline is None
        else [(label, baseline) for label in labels if label != baseline]
    )
    found = {
        (first, second): pair(readings[first], readings[second], paired=is_paired) for first, second in names
    }
    digest = hashlib.sha256("\0".join(("compare", records.name, of, reading.key)).encode()).digest()
    compared = compare_pairs(
        {two: (one.first, one.second) for two, one in found.items() if len(one.first) and len(one.second)},
        Resampling(int.from_bytes(digest[:8], "big"), level),
        paired=is_paired,
    )
    if not compared:
        raise ComparisonError(_nothing(of, reading, over, records))
    by_names = {(one.first, one.second): one for one in compared}
    return ValueComparison(
        series=records.name,
        of=of,
        where=records.where,
        on=reading,
        over=over,
        paired=is_paired,
        level=level,
        pairs=[ComparedPair(*two, one, by_names.get(two)) for two, one in found.items()],
        notes=_notes(records, values, of),
    )


def _readings(
    records: SeriesRecords, values: dict[str, ValueSet], of: str, read: tuple[Sequence[str], str]
) -> dict[str, Readings]:
    """Return the readings of each value, by what the configurations have of the other parameters."""
    over, key = read
    members: dict[str, list[tuple[Block, ConfigurationRecord]]] = {}
    for member in records.configurations:
        block = tuple(values[name].place(member.parameters.get(name, ABSENT)) for name in over)
        label = values[of].label(member.parameters.get(of, ABSENT))
        members.setdefault(label, []).append((block, member))
    return {label: finite_readings(members[label], key) for label in values[of].labels}


def _nothing(of: str, reading: Reading, over: Sequence[str], records: SeriesRecords) -> str:
    if not any(member.completed for member in records.configurations):
        return f"{records.nothing_completed()}: nothing to compare"
    alike = f" and are alike in {', '.join(over)}" if over else ""
    return (
        f"there is nothing to compare: no repetitions of two values of {of} have {reading.name!r}{alike}; "
        "`experiments status` tells what is missing"
    )


def _notes(records: SeriesRecords, values: dict[str, ValueSet], of: str) -> list[str]:
    """Return what is to be said of experiments that are missing, by value: it may be the bad ones."""
    said = progress(records)
    missing: dict[str, Counter[str]] = {}
    for member in records.configurations:
        label = values[of].label(member.parameters.get(of, ABSENT))
        missing[label] = missing.get(label, Counter()) + Counter(member.missing)
    named = [f"{label}: {counted(one)}" for label, one in missing.items() if one.total()]
    if named:
        said.append(f"Experiments left out: {'; '.join(named)}.")
    if records.retired:
        said.append(f"{records.retired:,} completed but no longer in the series file left out.")
    return said
