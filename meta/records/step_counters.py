"""What only counts the steps, such as a logged `epoch`: default graphs and tables leave it out.

In every experiment a metric like that has the number of the step as its reading, and a result like that the
number of all steps: what the axis of each curve says. Steps, and what counts them, begin with 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from database.models import ExperimentSeries
from meta.records.curves import read_curves
from meta.records.series_records import CompletedExperiment, SeriesRecords
from meta.records.value_set import ValueSet
from meta.statistics.estimators.curves import Curve

#: Readings at fewer steps may be equal to their numbers by chance.
_MIN_STEPS = 3
_OFFSETS = (-1.0, 0.0, 1.0)


def with_step_counters(session: Session, series: ExperimentSeries, records: SeriesRecords) -> SeriesRecords:
    """Return the records with the names of the metrics that only count the steps.

    Curves that are not among the records are read, of metrics whose summary does not exclude it.
    """
    counters = set()
    for metric in records.metric_names():
        if not _may_count(metric, records):
            continue
        curves: Iterable[Curve] = records.curves.get(metric, {}).values()
        if metric not in records.curves:
            curves = (logged.curve for logged in read_curves(session, series.id, metric))
        if _count_steps(curves):
            counters.add(metric)
    return replace(records, step_counters=frozenset(counters))


def _may_count(metric: str, records: SeriesRecords) -> bool:
    """Return whether a metric ends with its largest value everywhere, which is whole, as the smallest is."""
    for experiment in _completed(records):
        last, least, most = (
            experiment.results.get(f"metrics.{metric}.{end}") for end in ("last", "min", "max")
        )
        if last is not None and not (last == most and _is_whole(last) and _is_whole(least)):
            return False
    return True


def _count_steps(curves: Iterable[Curve]) -> bool:
    offsets: set[float] = set()
    most = 0
    for curve in curves:
        differences = curve.readings - curve.steps
        offsets.update(differences[:1].tolist())
        if len(offsets) > 1 or not (differences == differences[:1]).all():
            return False
        most = max(most, len(curve.steps))
    return most >= _MIN_STEPS and offsets.issubset(_OFFSETS)


def counting_results(records: SeriesRecords, names: Sequence[str]) -> list[str]:
    """Return the results that are, in every experiment, one and the same number of steps."""
    common = _common_counts(records)
    return [
        name
        for name in names
        if common and _is_count([one.results.get(name) for one in _completed(records)], common)
    ]


def first_parameter(records: SeriesRecords, values: dict[str, ValueSet]) -> str | None:
    """Return the first parameter that is no number of steps, else the first one; None without parameters."""
    common = _common_counts(records)
    return next(
        (name for name in values if not _is_count(values[name].values, common)), next(iter(values), None)
    )


def ends_alike(records: SeriesRecords, metric: str) -> bool:
    """Return whether the last value of a metric is the same in every experiment."""
    lasts = (experiment.results.get(f"metrics.{metric}.last") for experiment in _completed(records))
    return len({last for last in lasts if last is not None}) == 1


def left_out_note(names: Sequence[str]) -> str | None:
    """Return what is said of what is left out, in one line; None of nothing."""
    listed = ", ".join(map(repr, dict.fromkeys(names)))
    return f"left out: {listed}, which only count the steps" if names else None


def _completed(records: SeriesRecords) -> Iterable[CompletedExperiment]:
    return (experiment for member in records.configurations for experiment in member.completed)


def _common_counts(records: SeriesRecords) -> set[int]:
    """Return the numbers that are, in every experiment, the last step or how many steps there are."""
    metrics = records.metric_names()
    common: set[int] | None = None
    for experiment in _completed(records):
        counts: set[int] = set()
        for metric in metrics:
            count = experiment.results.get(f"metrics.{metric}.count")
            if isinstance(count, int) and count >= _MIN_STEPS:
                counts |= {count - 1, count}
                last = experiment.results.get(f"metrics.{metric}.last")
                if metric in records.step_counters and isinstance(last, int | float):
                    counts.add(int(last))  # whole, as its readings are
        common = counts if common is None else common & counts
        if not common:
            break
    return common or set()


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | float) and float(value).is_integer()


def _is_count(values: Sequence[Any], common: set[int]) -> bool:
    return all(type(value) is int and value in common and value == values[0] for value in values)
