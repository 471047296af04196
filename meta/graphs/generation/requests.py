"""The figures that a series requests, each with the part of its records that it depends on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from experiments.series_file.sections.graph_kinds import SECONDS
from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.data.plan import Plan, kind_of, make_plan
from meta.graphs.figure.default_graphs import default_graphs
from meta.graphs.figure.task import Failure, Task, failure
from meta.graphs.provenance.file_names import file_names
from meta.graphs.provenance.fingerprint import Fingerprints
from meta.graphs.provenance.origin import Origin
from meta.records.errors import GraphError
from meta.records.measures import Measure
from meta.records.normalise import normalised
from meta.records.selection.parameter_filter import with_parameters
from meta.records.selection.subsets import GraphRecords
from meta.records.series_records import CompletedExperiment, ConfigurationRecord, SeriesRecords
from meta.records.step_counters import left_out_note


@dataclass(frozen=True)
class FigureRequests:
    """The graphs of a series.

    Attributes
    ----------
    tasks : mapping of str to Task or Failure
        Each graph by its name, or why it cannot be drawn; in the order of the series file.
    specs : mapping of str to GraphSpec
        What each requests.
    note : str or None
        What has no graph, where none were requested.
    """

    tasks: Mapping[str, Task | Failure]
    specs: Mapping[str, GraphSpec]
    note: str | None = None


def figure_requests(records: GraphRecords, *, is_for_report: bool = False) -> FigureRequests:
    """Return the graphs that a series requests, or default ones where it requests none."""
    requested, note = records.requested, None
    if not requested:
        defaults = default_graphs(records.common)
        requested = [(spec, records.common) for spec in defaults.specs]
        notes = []
        if defaults.skipped:
            notes.append(
                f"not drawn: {', '.join(map(repr, defaults.skipped))}; the configurations differ in so much "
                "that no graph of all of them is legible. Series of fewer configurations can be drawn"
            )
        if counting := left_out_note(defaults.counting):
            notes.append(counting)
        note = "; ".join(notes) or None
    specs = [spec for spec, _ in requested]
    planned = [_planned(spec, part) for spec, part in requested]
    kinds = [
        kind_of(spec, records.common) if isinstance(plan, Failure) else plan[0].rules.name
        for spec, plan in zip(specs, planned, strict=True)
    ]
    names = file_names(specs, kinds)
    fingerprints = Fingerprints()
    tasks: dict[str, Task | Failure] = {}
    for name, spec, plan in zip(names, specs, planned, strict=True):
        if isinstance(plan, Failure):
            tasks[name] = plan
        else:
            origin = Origin.of(name, spec, plan[1], fingerprints, where=records.common.where)
            tasks[name] = Task(name, *plan, origin, is_for_report)
    return FigureRequests(tasks, dict(zip(names, specs, strict=True)), note)


def _planned(spec: GraphSpec, records: SeriesRecords | GraphError) -> tuple[Plan, SeriesRecords] | Failure:
    try:
        if isinstance(records, GraphError):
            raise records
        return plan_graph(spec, records)
    except Exception as error:  # noqa: BLE001 - the other graphs are still wanted
        return failure(error)


def plan_graph(spec: GraphSpec, records: SeriesRecords) -> tuple[Plan, SeriesRecords]:
    """Return the plan of a graph, and the records that it depends on.

    Results, curves and labels are kept when their name, or that of their metric, occurs anywhere in `spec`
    or `analysis`: rather too many than one too few. All configurations and completed experiments stay,
    because a figure counts those that lack what it shows.

    Raises
    ------
    GraphError
        It cannot be drawn as requested.
    """
    records = normalised(spec, with_parameters(records, spec.where))
    plan = make_plan(spec, records)
    named = [spec.model_dump(mode="json"), records.analysis.model_dump(mode="json")]
    text = "\n".join(_texts(named))

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
        timed_out_s=records.timed_out_s if plan.unit_s is not None else {},
        labels={name: label for name, label in records.labels.items() if is_named(name)},
        specs=(),
        tables=(),
        whole=None,
        measures=_measures(plan, records),
    )
    return plan, extract


def _measures(plan: Plan, records: SeriesRecords) -> dict[str, Measure]:
    """Return what is known of the drawn results from experiments that are not drawn."""
    if records.whole is None and not records.measures:
        return {}
    return {shown.key: records.measure(shown.key) for shown in (plan.y, plan.across) if shown is not None}


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
