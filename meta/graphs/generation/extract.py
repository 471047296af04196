"""The part of a series' records that one graph depends on."""

from __future__ import annotations

from collections.abc import Iterator
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
    named = _Named("\n".join(_texts(spec.model_dump(mode="json"))))
    extract = replace(
        records,
        configurations=[_narrowed(member, named) for member in records.configurations],
        curves={
            metric: curves
            for metric, curves in records.curves.items()
            if plan.rules.over_steps and named[metric]
        },
        times={
            metric: times for metric, times in records.times.items() if spec.x == SECONDS and named[metric]
        },
        attempts=records.attempts if plan.rules.of_attempts else (),
        labels={name: label for name, label in records.labels.items() if named[name]},
        configuration_code=(),
        specs=(),
        tables=(),
    )
    return plan, extract


class _Named(dict[str, bool]):
    """Whether a name occurs in a text; each name is searched only once."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def __missing__(self, name: str) -> bool:
        metric = name.removeprefix("metrics.").rpartition(".")[0] if name.startswith("metrics.") else ""
        occurs = self[name] = name in self._text or bool(metric and metric in self._text)
        return occurs


def _narrowed(configuration: ConfigurationRecord, named: _Named) -> ConfigurationRecord:
    completed = [
        CompletedExperiment(
            experiment.id,
            experiment.repetition,
            {name: value for name, value in experiment.results.items() if named[name]},
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
