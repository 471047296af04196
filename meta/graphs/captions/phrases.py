"""Phrases that the captions of graphs, tables and comparisons share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.series_file.sections.graphs import Where
from meta.formats.plural import many
from meta.graphs.data.estimates import Measure
from meta.graphs.data.graph_data import Behind, Integers, Numbers
from meta.graphs.data.plan import Plan
from meta.records.value_set import ValueSet, labels_of, short_names
from meta.statistics.comparisons.guards import interval_guards
from meta.statistics.estimators.location import Quantile
from meta.statistics.intervals.order_statistics import minimum_count

_MAX_VALUES = 4

INTERVALS = {
    "ci": "{level} bootstrap interval",
    "bca": "{level} BCa bootstrap interval",
    "exact": "exact {level} interval",
    "sd": "one standard deviation to each side",
    "se": "one standard error to each side",
    "quantiles": "the middle {level} of the readings",
}


def of_estimates(plan: Plan, numbers: Numbers, *, mark: str, shares_seeds: bool) -> str:
    """Return the sentences on estimates: of what, with which interval, over how many repetitions.

    Parameters
    ----------
    plan, numbers
        What is drawn.
    mark : str
        What the interval is drawn as, such as ``band``.
    shares_seeds : bool
        Whether a repetition has the same seed in all configurations.
    """
    measure, behind = Measure.of(plan.spec, shares_seeds=shares_seeds), sizes_of(numbers)
    label = measure.estimator.label
    if measure.interval == "none":
        return f"{label} over {how_many(behind)}."
    if behind.fewest.max() == 1:
        return f"{without_interval(measure, behind)}."
    level = f"{100 * measure.level:g} %"
    interval = INTERVALS[measure.interval].format(level=level)
    text = f"{label} with {interval} ({mark}) over {how_many(behind)}."
    return " ".join([text, *few(measure, behind)])


def sizes_of(numbers: Numbers) -> Behind:
    """Return how many repetitions there are behind each estimate: over time a curve may have gaps."""
    drawn = [line.interval for line in numbers.lines]
    return Behind.joined([one.behind.where(np.isfinite(one.estimate)) for one in drawn])


def every_value(numbers: Numbers) -> str:
    """Return what is said where each value is drawn."""
    return f"each reading of {how_many(sizes_of(numbers))}."


def values_behind(plan: Plan) -> str:
    """Return what is said where each value is drawn behind the estimates."""
    return " Small marks: each reading." if plan.spec.points else ""


def fewer_than(least: int, behind: Behind) -> str:
    """Return what is said where some points have too few values to be drawn by a shape."""
    if behind.count.min() >= least:
        return ""
    noun = "repetitions" if behind.configurations.max() == 1 else "experiments"
    return f" Of fewer than {least} {noun} each reading is shown."


def few(measure: Measure, behind: Behind) -> tuple[str, ...]:
    """Return what is to be said when there are too few repetitions for an interval; some have several.

    Many configurations do not make up for few repetitions: what counts is the one with the fewest.
    """
    there = behind.fewest > 1
    several = behind.configurations.max() > 1
    single = () if there.all() else (f"No interval where {'a configuration has ' if several else ''}n = 1.",)
    fewest = int(behind.fewest[there].min())
    if measure.interval in ("ci", "bca"):
        least = there & (behind.fewest == fewest)
        samples = 1 if measure.shares_seeds else int(behind.configurations[least].min())
        return (*single, *interval_guards(fewest, measure.estimator, level=measure.level, samples=samples))
    if measure.interval == "exact" and isinstance(measure.estimator, Quantile):
        enough = minimum_count(measure.estimator, level=measure.level)
        if fewest < enough:
            return (
                f"No interval where n is less than {enough}, as there is none of {100 * measure.level:g} %.",
            )
    return single


def without_interval(measure: Measure, behind: Behind) -> str:
    """Return what is said where each estimate stands on a configuration with a single repetition."""
    if behind.configurations.max() == 1:
        return "single repetitions (n = 1), so there is no interval"
    return f"{measure.estimator.label} over {how_many(behind)}; no interval, as a configuration has n = 1"


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


def how_many(behind: Behind) -> str:
    """Return how many repetitions are behind each estimate, a range where it differs.

    Of several configurations n is the repetitions, too: experiments of one repetition are no independent
    witnesses where they share a seed.
    """
    n = f"n = {_counted(behind.fewest, behind.most, 'repetition')}"
    several = behind.configurations
    if several.max() == 1:
        return n
    experiments = _counted(behind.count, behind.count, "experiment")
    return f"{n} of {_counted(several, several, 'configuration')} ({experiments})"


def from_to(least: int, most: int) -> str:
    """Return a number, or a range."""
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def _counted(least: Integers, most: Integers, noun: str) -> str:
    low, high = int(least.min()), int(most.max())
    return many(high, noun) if low == high else f"{low:,} to {many(high, noun)}"
