"""The graphs of a series whose file requests none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from experiments.series_file.sections.graph_kinds import KIND_OVER_STEPS, STEP
from experiments.series_file.sections.graphs import FacetSection, GraphSpec
from meta.graphs.data.plan import MAX_LINES, MAX_PANELS, SERIES
from meta.records.readings import number
from meta.records.series_records import SeriesRecords
from meta.records.step_counters import counting_results, first_parameter
from meta.records.value_set import ParameterTable

#: At most so many default graphs; a series with more to show requests those it needs.
MAX_GRAPHS = 12
#: So many parameters, those with most values, are tried as x and facet.
_MAX_TRIED = 5


@dataclass(frozen=True)
class DefaultGraphs:
    """The graphs of a series that requests none.

    Attributes
    ----------
    specs : sequence of GraphSpec
        Graphs that can be drawn.
    skipped : sequence of str
        Metrics and results that have none: configurations differ in so much that no choice of x, hue
        and facet is legible.
    counting : sequence of str
        Metrics and results that have none, as they only count the steps.
    """

    specs: Sequence[GraphSpec]
    skipped: Sequence[str] = ()
    counting: Sequence[str] = ()


@dataclass(frozen=True)
class _Roles:
    """The role of each parameter on a graph."""

    x: str
    hue: str | None = None
    facet: str | None = None

    def spec(self, y: str) -> GraphSpec:
        kind = KIND_OVER_STEPS if self.x == STEP else None
        facet = FacetSection(column=self.facet) if self.facet else None
        return GraphSpec(kind=kind, y=y, x=self.x, hue=self.hue, facet=facet)


def default_graphs(records: SeriesRecords) -> DefaultGraphs:
    """Return a curve per logged metric, and each numeric result against the parameter with most values.

    The parameter with the second most values is the hue, a third one the facet. Where that makes more
    lines or panels than can be read, others are tried; where no curves are legible, a metric's last
    value is drawn like a result. Of parameters that only change together one is used.
    """
    values = records.parameter_values()
    table = records.parameter_table(values)
    varying = sorted(table.distinguishing(), key=lambda name: -len(values[name]))
    over_steps = _legible(_arrangements(STEP, varying), varying, table)
    against: _Roles | None
    if varying:
        candidates = (roles for x in varying[:_MAX_TRIED] for roles in _arrangements(x, varying))
        against = _legible(candidates, varying, table)
    else:
        against = _Roles(first_parameter(records, values) or SERIES)
    metrics, results = _drawable_metrics(records), numeric_results(records)
    counting = [metric for metric in metrics if metric in records.step_counters]
    counting_too = counting_results(records, results)
    wanted = [
        (metric, over_steps or against, metric if over_steps else _last(metric, records))
        for metric in metrics
        if metric not in counting
    ]
    wanted += [(result, against, result) for result in results if result not in counting_too]
    return DefaultGraphs(
        [roles.spec(y) for _, roles, y in wanted if roles is not None][:MAX_GRAPHS],
        [name for name, roles, _ in wanted if roles is None],
        [*counting, *counting_too],
    )


def _arrangements(x: str, varying: Sequence[str]) -> Iterator[_Roles]:
    """Yield the possible roles of the other parameters when `x` is the axis, best first."""
    rest = [name for name in varying if name != x]
    for facet in (*rest[1:_MAX_TRIED], None, *rest[:1]):
        yield _Roles(x, next((name for name in rest if name != facet), None), facet)


def _legible(candidates: Iterator[_Roles], varying: Sequence[str], table: ParameterTable) -> _Roles | None:
    """Return the first arrangement with few enough lines and panels."""
    for roles in candidates:
        hues = [name for name in varying if name not in {roles.x, roles.facet}]
        panels = 1 if roles.facet is None else len(table.values[roles.facet])
        if panels <= MAX_PANELS and table.most_lines(hues, roles.facet) <= MAX_LINES:
            return roles
    return None


def _last(metric: str, records: SeriesRecords) -> str:
    """Return the name of a metric's last value, which a result of the same name would hide."""
    return f"metrics.{metric}.last" if metric in records.result_names() else metric


def _drawable_metrics(records: SeriesRecords) -> list[str]:
    """Return the metrics of which a completed experiment logged a finite reading."""
    return [
        metric
        for metric, curves in records.curves.items()
        if any(np.isfinite(curve.readings).any() for curve in curves.values())
    ]


def numeric_results(records: SeriesRecords) -> list[str]:
    """Return the results that are always numbers where they occur, at least one of them finite.

    Those of metrics are left out: their curves are drawn.
    """
    is_number: dict[str, bool] = {}
    has_finite: set[str] = set()
    for configuration in records.configurations:
        for experiment in configuration.completed:
            for name, value in experiment.results.items():
                if name.startswith("metrics.") or value is None:
                    continue
                reading = number(experiment, name)
                is_number[name] = is_number.get(name, True) and reading is not None
                if reading is not None and isfinite(reading):
                    has_finite.add(name)
    return [name for name, numeric in is_number.items() if numeric and name in has_finite]
