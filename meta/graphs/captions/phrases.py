"""Phrases that the captions of graphs, tables and comparisons share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.series_file.sections.graphs import Where
from experiments.units import many
from meta.graphs.captions.intervals import estimate_over_text
from meta.graphs.data.graph_data import SampleSizes
from meta.records.value_set import ValueSet, labels_of, short_names
from meta.statistics.estimators.arrays import Integers
from meta.statistics.estimators.location import Estimator

_MAX_VALUES = 4


def selection_text(where: Where | None, expression: str | None) -> list[str]:
    """Return the sentences on the chosen configurations and experiments, if not all are shown."""
    only = [] if expression is None else [f"Only where {expression}."]
    if not where or isinstance(where, str):
        return only
    short = short_names(list(where))
    chosen = ", ".join(f"{short[name]} = {_listed(value)}" for name, value in where.items())
    return [f"Only {chosen}.", *only]


def averages_text(over: Sequence[str], values: Mapping[str, ValueSet], one: Estimator | None = None) -> str:
    """Return the sentence on the parameters averaged over, and by which estimator; without one, pooled."""
    named = ", ".join(f"{name} ({many(len(values[name]), 'value')})" for name in over)
    return f"Pools over {named}." if one is None else f"Averages over {named}: {estimate_over_text(one)}."


def _listed(value: object) -> str:
    values = list(value) if isinstance(value, list | tuple) else [value]
    more = f" or {len(values) - _MAX_VALUES} more" if len(values) > _MAX_VALUES else ""
    return " or ".join(labels_of(values)[:_MAX_VALUES]) + more


def sample_size_text(sample_sizes: SampleSizes) -> str:
    """Return the number of repetitions behind estimates, a range where it differs.

    Of several configurations n is the repetitions, too: experiments of one repetition are not independent
    where they share a seed.
    """
    n = f"n = {_counted(sample_sizes.fewest, sample_sizes.most, 'repetition')}"
    several = sample_sizes.configurations
    if several.max() == 1:
        return n
    experiments = _counted(sample_sizes.count, sample_sizes.count, "experiment")
    return f"{n} of {_counted(several, several, 'configuration')} ({experiments})"


def pooled_size_text(sample_sizes: SampleSizes) -> str:
    """Return the number of readings that are shown together, and of which repetitions they are."""
    several = sample_sizes.configurations
    if several.max() == 1:
        return sample_size_text(sample_sizes)
    repetitions = _counted(sample_sizes.fewest, sample_sizes.most, "repetition")
    of = _counted(several, several, "configuration")
    return f"n = {_counted(sample_sizes.count, sample_sizes.count, 'experiment')} ({repetitions} of {of})"


def range_text(least: int, most: int) -> str:
    """Return a number, or a range."""
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def _counted(least: Integers, most: Integers, noun: str) -> str:
    low, high = int(least.min()), int(most.max())
    return many(high, noun) if low == high else f"{low:,} to {many(high, noun)}"
