"""Scores of tasks of different size, made comparable: the share of the way from one reading to another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from database.suggestions import suggestion
from experiments.series_file.models import MetricSection
from experiments.series_file.result_names import result_of, result_problem
from experiments.series_file.sections.analysis_checks import WORST
from experiments.series_file.sections.graph_kinds import OF_METRIC, SECONDS, STEP, rules_of
from experiments.series_file.sections.graphs import GraphSpec, NormaliseSection
from experiments.series_file.sections.tables import TableSpec
from meta.records.errors import GraphError
from meta.records.measures import Measure, as_reading
from meta.records.possible import refuse_impossible
from meta.records.readings import number, refuse_huge
from meta.records.series_records import CompletedExperiment, ConfigurationRecord, SeriesRecords
from meta.records.value_set import ABSENT, ValueSet
from meta.statistics.estimators.arrays import Floats
from meta.statistics.estimators.curves import Curve

_Reading = TypeVar("_Reading", float, Floats)
#: Returns what 0 or 1 is for an experiment of a configuration.
_End = Callable[[ConfigurationRecord, CompletedExperiment], float]


@dataclass(frozen=True)
class _Ends:
    """What 0 and 1 are for one experiment."""

    low: float
    high: float

    def score(self, reading: _Reading) -> _Reading:
        return (reading - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class _Tasks:
    """The parameter whose values are the tasks."""

    name: str
    values: ValueSet

    def label(self, member: ConfigurationRecord) -> str:
        return self.values.label(member.parameters.get(self.name, ABSENT))

    def described(self, member: ConfigurationRecord) -> str:
        return f"{self.name} = {self.label(member)}"


def normalised(spec: GraphSpec | TableSpec, records: SeriesRecords) -> SeriesRecords:
    """Return the records with (reading - low) / (high - low) in place of each reading of `y`.

    Nothing is clipped: what is beyond `low` and `high` is below 0 or above 1. What is missing stays missing.
    If `high` is less than `low`, smaller readings have larger scores, and the goal is the other one.

    Parameters
    ----------
    spec : GraphSpec or TableSpec
    records : SeriesRecords
        Those that are shown: of them are the worst and the best configuration of a task.

    Raises
    ------
    GraphError
        An end is unknown, both are equal, or their order is not that of other tasks; it names the task.
    """
    asked = spec.normalise
    if asked is None:
        return records
    key, of_curves = _shown(spec, records)
    if key is None:  # what there is instead is told by the plan
        return records
    refuse_impossible(records, key, of_curves=of_curves)
    values = records.parameter_values()
    if asked.by not in values:
        raise GraphError(
            f"normalise.by: there is no parameter named {asked.by!r}; "
            f"{suggestion(asked.by, values, kind='parameters of the series')}"
        )
    tasks = _Tasks(asked.by, values[asked.by])
    ends = _ends_by_experiment(asked, tasks, records, key, of_curves=of_curves)
    is_rising = any(found.high > found.low for found in ends.values())
    normal = replace(
        records,
        labels={**records.labels, key: _label(records.label_of(key), key, asked.by, is_rising=is_rising)},
        measures={**records.measures, key: Measure(math.nan, math.nan, is_rate=False)},
    )
    if of_curves:
        logged = records.curves[key]
        scores = {id_: Curve(logged[id_].steps, of.score(logged[id_].readings)) for id_, of in ends.items()}
        return replace(normal, curves={**records.curves, key: scores})
    return replace(normal, configurations=[_scored(member, key, ends) for member in records.configurations])


def _shown(spec: GraphSpec | TableSpec, records: SeriesRecords) -> tuple[str | None, bool]:
    """Return the result that is shown, or the metric of curves, and whether it is of curves."""
    if isinstance(spec, GraphSpec):
        is_parameter = any(spec.x in member.parameters for member in records.configurations)
        chosen = spec.kind is None and spec.x in (STEP, SECONDS) and not is_parameter
        if chosen or rules_of(spec.kind).over_steps:
            return (spec.y if spec.y in records.curves else None), True
    return result_of(spec.y or "", records.result_names()), False


def _ends_by_experiment(
    asked: NormaliseSection, tasks: _Tasks, records: SeriesRecords, key: str, *, of_curves: bool
) -> dict[int, _Ends]:
    """Return what 0 and 1 are for each experiment that has something to normalise, by its id."""
    low, high = _low_and_high(asked, tasks, records, key)
    ends: dict[int, _Ends] = {}
    rising: dict[bool, str] = {}
    for member, experiment in ((one, each) for one in records.configurations for each in one.completed):
        reading = number(experiment, key)
        if (
            (experiment.id not in records.curves[key])
            if of_curves
            else (reading is None or math.isnan(reading))
        ):
            continue
        found = _Ends(low(member, experiment), high(member, experiment))
        task = tasks.described(member)
        if found.low == found.high:
            raise GraphError(
                f"normalise: low and high are both {found.low:g} for {task}, so that no score lies between "
                "them; leave that out (where), or give other ends"
            )
        if not math.isnan(found.low):
            rising.setdefault(found.high > found.low, task)
            ends[experiment.id] = found
    if len(rising) > 1:
        raise GraphError(
            f"normalise: high is above low for {rising[True]}, but below it for {rising[False]}: more would "
            "be better of some scores, and worse of others"
        )
    return ends


def _label(shown: MetricSection, key: str, by: str, *, is_rising: bool) -> MetricSection:
    of_metric = OF_METRIC.fullmatch(key)
    name = shown.label or (of_metric["metric"] if of_metric else key)
    goal = shown.goal
    if goal is not None and not is_rising:
        goal = "min" if goal == "max" else "max"
    return MetricSection(label=f"{name}, normalised by {by}", goal=goal, missing=shown.missing, kind="number")


def _low_and_high(
    asked: NormaliseSection, tasks: _Tasks, records: SeriesRecords, key: str
) -> tuple[_End, _End]:
    """Return what is 0 and what is 1."""
    if asked.low == WORST:
        return _own_ends(tasks, records, key)
    return _end("low", asked.low, tasks, records), _end("high", asked.high, tasks, records)


def _own_ends(tasks: _Tasks, records: SeriesRecords, key: str) -> tuple[_End, _End]:
    """Return the worst and the best of the configurations' means of each task."""
    means: dict[str, list[float]] = {}
    for member in records.configurations:
        readings = [number(experiment, key) for experiment in member.completed]
        finite = [reading for reading in readings if reading is not None and math.isfinite(reading)]
        refuse_huge(np.array(finite), key)  # their sum may be no number
        if finite:
            means.setdefault(tasks.label(member), []).append(math.fsum(finite) / len(finite))
    goal = records.label_of(key).goal
    if goal is None:
        raise GraphError(f"normalise.low: what is worst of {key!r} is unknown; metrics gives it no goal")
    worst, best = (min, max) if goal == "max" else (max, min)

    def end(choose: Callable[[list[float]], float]) -> _End:
        # Of a task without a finite reading nothing is drawn.
        chosen = {label: choose(several) for label, several in means.items()}
        return lambda member, _: chosen.get(tasks.label(member), math.nan)

    return end(worst), end(best)


def _end(role: str, given: Any, tasks: _Tasks, records: SeriesRecords) -> _End:
    """Return what one end is: a number, one for each task, a parameter or a result."""
    if not isinstance(given, str | Mapping):
        return lambda *_: float(given)

    def checked(value: object, member: ConfigurationRecord) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            end = as_reading(value)
            if math.isfinite(end):
                return end
        what = "has no number" if isinstance(given, Mapping) else f"{given!r} is no number"
        raise GraphError(f"normalise.{role}: {what} for {tasks.described(member)}")

    if isinstance(given, Mapping):
        return lambda member, _: checked(given.get(tasks.label(member)), member)
    if any(given in member.parameters for member in records.configurations):
        return lambda member, _: checked(member.parameters.get(given), member)
    known = records.result_names()
    result = result_of(given, known)
    if result is None:
        raise GraphError(f"normalise.{role}: {result_problem(given, known)}")
    return lambda member, experiment: checked(experiment.results.get(result), member)


def _scored(member: ConfigurationRecord, key: str, ends: Mapping[int, _Ends]) -> ConfigurationRecord:
    """Return a configuration with scores in place of the readings of `key`."""

    def scored(experiment: CompletedExperiment) -> CompletedExperiment:
        reading = number(experiment, key)
        if reading is None or experiment.id not in ends:
            return experiment
        score = ends[experiment.id].score(reading)
        return replace(experiment, results={**experiment.results, key: score})

    return replace(member, completed=list(map(scored, member.completed)))
