"""Phrases that the notes of graphs, tables and comparisons share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.series_file.graphs import Where
from meta.counting import many
from meta.graphs.estimates import Measure
from meta.graphs.values import ValueSet, labels_of, short_names
from meta.statistics.guards import interval_guards
from meta.statistics.location import Quantile
from meta.statistics.order_statistics import minimum_count

Integers = NDArray[np.int64]

_MAX_VALUES = 4

INTERVALS = {
    "ci": "{level} bootstrap interval",
    "bca": "{level} BCa bootstrap interval",
    "exact": "exact {level} interval",
    "sd": "one standard deviation to each side",
    "se": "one standard error to each side",
    "quantiles": "the middle {level} of the readings",
}


def few(measure: Measure, counts: Integers) -> tuple[str, ...]:
    """Return what is to be said when there are too few repetitions for an interval; some have several."""
    fewest = int(counts[counts > 1].min())
    if measure.interval in ("ci", "bca"):
        return interval_guards(fewest, measure.estimator, level=measure.level)
    if measure.interval == "exact" and isinstance(measure.estimator, Quantile):
        enough = minimum_count(measure.estimator, level=measure.level)
        if fewest < enough:
            return (
                f"No interval where n is less than {enough}, as there is none of {100 * measure.level:g} %.",
            )
    return ()


def only(where: Where | None, expression: str | None) -> list[str]:
    """Return the sentences that say which configurations, and which experiments, are chosen, if they are."""
    told = [] if expression is None else [f"Only where {expression}."]
    if not where or isinstance(where, str):
        return told
    short = short_names(list(where))
    chosen = ", ".join(f"{short[name]} = {_listed(value)}" for name, value in where.items())
    return [f"Only {chosen}.", *told]


def averaged(over: Sequence[str], values: Mapping[str, ValueSet], does: str = "Averages") -> str:
    """Return the sentence that says what is averaged over."""
    named = [f"{name} ({many(len(values[name]), 'value')})" for name in over]
    return f"{does} over {', '.join(named)}."


def _listed(value: object) -> str:
    values = list(value) if isinstance(value, list | tuple) else [value]
    more = f" or {len(values) - _MAX_VALUES} more" if len(values) > _MAX_VALUES else ""
    return " or ".join(labels_of(values)[:_MAX_VALUES]) + more


def how_many(counts: Integers, noun: str) -> str:
    """Return how many readings there are behind each estimate, a range where it differs."""
    least, most = int(counts.min()), int(counts.max())
    if least == most:
        return f"n = {many(most, noun)}"
    return f"n = {least:,} to {many(most, noun)}"
