"""What belongs together when configurations are averaged or compared: pairs, and strata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meta.records.errors import GraphError
from meta.records.series_records import ConfigurationRecord, SeriesRecords
from meta.records.value_set import ABSENT, ValueSet


@dataclass(frozen=True)
class Dependence:
    """Which repetitions of different configurations belong together.

    Attributes
    ----------
    paired : bool
        Whether equal repetitions do, within a stratum. If not, each configuration is a stratum.
    strata : tuple of str
        Parameters between whose values nothing is shared.
    text : str
        How a note says it; empty where it follows from the recorded seeds.
    """

    paired: bool
    strata: tuple[str, ...] = ()
    text: str = ""

    def labels(self, members: Sequence[ConfigurationRecord]) -> tuple[int, ...]:
        """Return the stratum of each configuration, counted from 0; all differ where nothing is paired."""
        if not self.paired:
            return tuple(range(len(members)))
        groups = [tuple(member.parameters.get(name, ABSENT) for name in self.strata) for member in members]
        values = [ValueSet(group[place] for group in groups) for place in range(len(self.strata))]
        numbers: dict[tuple[int, ...], int] = {}
        return tuple(
            numbers.setdefault(
                tuple(known.place(value) for known, value in zip(values, group, strict=True)), len(numbers)
            )
            for group in groups
        )


def dependence_of(
    records: SeriesRecords, *, paired: bool | None = None, strata: Sequence[str] | None = None
) -> Dependence:
    """Return what belongs together in a graph, table or comparison.

    Parameters
    ----------
    records : SeriesRecords
        Their `analysis` is taken where a graph or table says nothing itself.
    paired : bool, optional
    strata : sequence of str, optional
        As the graph or table says; an empty sequence is none.

    Raises
    ------
    GraphError
        Pairs are asked for, but the recorded seeds of a repetition differ; a stratum is no parameter.
    """
    analysis = records.analysis
    if paired is None:
        # Strata of its own mean pairs within them, whatever the file says of pairs elsewhere.
        paired = analysis.paired if strata is None else None
    within = tuple(analysis.strata if strata is None else strata)
    if not records.shares_seeds:
        if paired:
            raise GraphError(
                "paired: true, but the experiments of a repetition have different seeds in different "
                "configurations, so that nothing makes them pairs; leave it out"
            )
        return Dependence(paired=False)
    if paired is False:
        return Dependence(paired=False, text="drawn for each configuration by itself, as the file says")
    if not within:
        return Dependence(paired=True)
    # Those that are shown may lack a parameter that others have.
    known = {name for member in (records.whole or records).configurations for name in member.parameters}
    for name in within:
        if name not in known:
            raise GraphError(f"strata: there is no parameter named {name!r}")
    return Dependence(True, within, f"drawn within {', '.join(within)}, as the file says")
