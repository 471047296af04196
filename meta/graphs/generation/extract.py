"""The part of a series' records that one graph depends on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from experiments.series_file.sections.graphs import SECONDS, GraphSpec
from meta.graphs.data.plan import Plan, make_plan
from meta.records.parameter_filter import with_parameters
from meta.records.series_records import CompletedExperiment, ConfigurationRecord, SeriesRecords


def plan_graph(spec: GraphSpec, records: SeriesRecords) -> tuple[Plan, SeriesRecords]:
    """Return the plan of a graph, and the records that it depends on.

    Results, curves and labels are kept when their name, or that of their metric, occurs anywhere in
    `spec`: rather too many than one too few. All configurations and completed experiments stay, because a
    figure counts those that lack what it shows.

    Raises
    ------
    GraphError
        It cannot be drawn as requested.
    """
    records = with_parameters(records, spec.where)
    plan = make_plan(spec, records)
    text = "\n".join(_texts(spec.model_dump(mode="json")))

    @functools.cache  # many experiments have results of the same names
    def is_named(name: str) -> bool:
        metric = name.removeprefix("metrics.").rpartition(".")[0] if name.startswith("metrics.") else ""
        return name in text or bool(metric and metric in text)

    extract = replace(
        records,
        configurations=[_narrowed(member, is_named) for member in records.configurations],
        curves={
            metric: curves
            for metric, curves in records.curves.items()
            if plan.rules.over_steps and is_named(metric)
        },
        times={
            metric: times for metric, times in records.times.items() if spec.x == SECONDS and is_named(metric)
        },
        attempts=records.attempts if plan.rules.of_attempts else (),
        labels={name: label for name, label in records.labels.items() if is_named(name)},
        configuration_code=(),
        specs=(),
        tables=(),
    )
    return plan, extract


def _narrowed(configuration: ConfigurationRecord, is_named: Callable[[str], bool]) -> ConfigurationRecord:
    completed = [
        CompletedExperiment(
            experiment.id,
            experiment.repetition,
            {name: value for name, value in experiment.results.items() if is_named(name)},
        )
        for experiment in configuration.completed
    ]
    return replace(configuration, completed=completed)


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in nested lists and mappings, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield str(name)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
