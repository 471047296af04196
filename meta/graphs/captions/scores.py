"""Sentences on scores of several tasks: how they are normalised, or that they should be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median

from experiments.series_file.sections.analysis_checks import WORST
from experiments.series_file.sections.graph_kinds import rules_of
from experiments.series_file.sections.graphs import GraphSpec, NormaliseSection
from experiments.series_file.sections.tables import TableSpec
from meta.graphs.data.plan import Variable
from meta.records.readings import number
from meta.records.series_records import ConfigurationRecord, SeriesRecords
from meta.records.value_set import ABSENT

#: The largest task is so many times as large as the median of the others where that is told.
_VERY_DIFFERENT = 10


def scores_text(
    spec: GraphSpec | TableSpec, y: Variable, records: SeriesRecords, *, over_steps: bool = False
) -> list[str]:
    """Return the sentence on the scores of tasks that are averaged or normalised, if there is one."""
    if spec.normalise is not None:
        return [_normalised(spec.normalise)]
    rules = rules_of(spec.kind) if isinstance(spec, GraphSpec) else None
    if not spec.over or (rules is not None and not {"estimator", "normalise"} <= rules.keys):
        return []  # nothing is averaged, or by ranks or factors of the best
    sizes = different_sizes(spec.over, y, records, over_steps=over_steps)
    return [f"{text}; normalise: {{by: {name}, ...}} makes them comparable." for name, text in sizes]


def different_sizes(
    over: Sequence[str], y: Variable, records: SeriesRecords, *, over_steps: bool = False
) -> list[tuple[str, str]]:
    """Return the first parameter averaged over between whose values scores differ very much in size.

    Returns
    -------
    list of (name, text)
        With the words that say so; empty where scores are of one size.
    """
    has_one_scale = y.label.bounds is not None and None not in y.label.bounds
    if has_one_scale or records.measure(y.key).is_rate:
        return []
    values = records.parameter_values()
    means = [_mean(member, records, y.key, over_steps=over_steps) for member in records.configurations]
    for name in over:
        labels = [
            values[name].label(member.parameters.get(name, ABSENT)) for member in records.configurations
        ]
        if text := _size_text(name, labels, means):
            return [(name, text)]
    return []


def _normalised(asked: NormaliseSection) -> str:
    if asked.low == WORST:
        return (
            f"Normalised by {asked.by}, from the results shown (0: the worst, 1: the best configuration of "
            "each): the numbers depend on who takes part."
        )
    ends = f"low: {_end(asked.low, asked.by)}, high: {_end(asked.high, asked.by)}"
    return f"Normalised by {asked.by} ({ends})."


def _end(end: float | str | Mapping[str, float], by: str) -> str:
    if isinstance(end, Mapping):
        return f"given for each {by}"
    return end if isinstance(end, str) else f"{end:g}"


def _size_text(name: str, labels: Sequence[str], means: Sequence[float]) -> str:
    """Return the words on a parameter if scores differ very much in size between its values, else "".

    The size of a value is the mean magnitude of its configurations' means.

    Parameters
    ----------
    name : str
    labels : sequence of str
        The value of each configuration.
    means : sequence of float
        The mean of each; NaN without readings.
    """
    sizes: dict[str, list[float]] = {}
    for label, mean in zip(labels, means, strict=True):
        if math.isfinite(mean):
            sizes.setdefault(label, []).append(abs(mean))
    if len(sizes) < 2:
        return ""
    *others, (largest, label) = sorted((fmean(several), label) for label, several in sizes.items())
    typical = median(size for size, _ in others)
    if largest <= _VERY_DIFFERENT * typical:
        return ""
    compared = f"{name} {label}: {_rounded(largest)}, median of the others: {_rounded(typical)}"
    return f"Scores differ in size ({compared})"


def _rounded(size: float) -> str:
    return f"{size:,.0f}" if 1_000 <= size < 1_000_000 else f"{size:.3g}"


def _mean(member: ConfigurationRecord, records: SeriesRecords, key: str, *, over_steps: bool) -> float:
    """Return the mean of the finite readings of a configuration; of curves, of what was logged last."""
    if over_steps:
        curves = [records.curves[key].get(experiment.id) for experiment in member.completed]
        readings = [
            float(curve.readings[-1]) for curve in curves if curve is not None and curve.readings.size
        ]
    else:
        read = [number(experiment, key) for experiment in member.completed]
        readings = [reading for reading in read if reading is not None]
    finite = [reading for reading in readings if math.isfinite(reading)]
    return fmean(finite) if finite else math.nan
