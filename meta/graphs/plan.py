"""From what a series file asks for to what is drawn: kind, reading, and the role of each parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from database.nearest import suggestion
from experiments.series_file.graphs import STEP, GraphKind, GraphSpec
from experiments.series_file.models import MetricSection
from meta.graphs.errors import GraphError
from meta.graphs.records import SeriesRecords
from meta.graphs.values import ABSENT, ValueSet, short_names

#: A numeric axis with fewer values than this says little more than bars.
_MIN_VALUES_OF_LINE = 3
#: What stands for `x` where a series has no parameters: the whole series is one category.
SERIES = "series"
_VALUE_OF_METRIC = re.compile(r"metrics\.(?P<metric>.+)\.(?P<statistic>last|min|max|count)")


@dataclass(frozen=True)
class Plan:
    """What a graph shows.

    Attributes
    ----------
    kind : str
        ``curve``, ``line``, ``bar`` or ``box``.
    y : str
        The name that was asked for.
    reading : str
        Of a curve the metric; else the result by its dotted name.
    measured : str
        What the y axis is called unless the file has a label: the metric, or the result.
    x : str
        A parameter, or ``step``, or `SERIES` where there are no parameters.
    hues : tuple of str
        The parameters that tell lines apart: the one asked for, then every other that varies within
        the series, so that no two configurations are ever pooled. What only changes together with
        them, `x` or `facet` tells nothing more and is left out.
    facet : str or None
        The parameter that tells panels apart.
    values : mapping of str to ValueSet
        Of every parameter of the series.
    label : MetricSection
        How `y` is shown.
    statistic : str or None
        Of a metric that is drawn by a single value per experiment, which one: ``last``, ``min``, ...
    title : str or None
    """

    kind: GraphKind
    y: str
    reading: str
    measured: str
    x: str
    hues: tuple[str, ...]
    facet: str | None
    values: Mapping[str, ValueSet]
    label: MetricSection
    statistic: str | None = None
    title: str | None = None

    @property
    def is_curve(self) -> bool:
        """Say whether `x` is the step."""
        return self.kind == "curve"

    def y_label(self) -> str:
        """Return what stands at the y axis."""
        details = ", ".join(part for part in (self.statistic, self.label.unit) if part)
        label = self.label.label or self.measured
        return f"{label} ({details})" if details else label

    def place(self, name: str, parameters: Mapping[str, Any]) -> int:
        """Return where a configuration's value of parameter `name` stands among all values, from 0."""
        return self.values[name].place(parameters.get(name, ABSENT))

    def value_label(self, name: str, parameters: Mapping[str, Any]) -> str:
        """Return what a configuration's value of parameter `name` is called."""
        return self.values[name].label(parameters.get(name, ABSENT))

    def line_label(self, parameters: Mapping[str, Any]) -> str:
        """Return what a configuration's line is called; of one parameter only the value."""
        if len(self.hues) == 1:
            return self.value_label(self.hues[0], parameters)
        short = short_names(self.hues)
        return ", ".join(f"{short[name]}={self.value_label(name, parameters)}" for name in self.hues)

    def panel_title(self, parameters: Mapping[str, Any]) -> str | None:
        """Return what a configuration's panel is called, or None without a facet."""
        return f"{self.facet} = {self.value_label(self.facet, parameters)}" if self.facet else None


def make_plan(spec: GraphSpec, records: SeriesRecords) -> Plan:
    """Decide what a graph shows.

    Raises
    ------
    GraphError
        A name is neither result, metric nor parameter, a parameter has two roles, or nothing is completed.
    """
    if not any(configuration.completed for configuration in records.configurations):
        if records.where is not None:
            raise GraphError(f"no completed experiment is one where {records.where}: nothing to draw")
        raise GraphError(f"the series {records.name!r} has no completed experiment yet: nothing to draw")
    values = records.parameter_values() or {SERIES: ValueSet.single(records.name)}
    for role, name in (("x", spec.x), ("hue", spec.hue), ("facet", spec.facet)):
        if name is not None and name not in values and not (role == "x" and name == STEP):
            raise GraphError(
                f"{role}: there is no parameter named {name!r}; "
                f"{suggestion(name, values, kind='parameters of the series')}"
            )
    kind = _kind(spec, values)
    _check_roles(spec, kind)
    taken = [name for name in (None if kind == "curve" else spec.x, spec.facet, spec.hue) if name is not None]
    varying = records.parameter_table(values).telling_apart(taken)
    hue = [spec.hue] if spec.hue is not None else []
    reading = _metric(spec.y, records) if kind == "curve" else _result(spec.y, records)
    of_metric = None if kind == "curve" else _VALUE_OF_METRIC.fullmatch(reading)
    measured = of_metric["metric"] if of_metric else spec.y
    label = records.labels.get(measured, MetricSection())
    statistic = of_metric["statistic"] if of_metric else None
    return Plan(
        kind=kind,
        y=spec.y,
        reading=reading,
        measured=measured,
        x=spec.x,
        hues=(*hue, *varying),
        facet=spec.facet,
        values=values,
        # How often a metric was logged has neither its unit nor its goal.
        label=MetricSection(label=label.label) if statistic == "count" else label,
        statistic=statistic,
        title=spec.title,
    )


def _kind(spec: GraphSpec, values: Mapping[str, ValueSet]) -> GraphKind:
    if spec.kind == "curve" and spec.x != STEP:
        raise GraphError(f"a curve is drawn over its steps: write x: step, not x: {spec.x}")
    if spec.x == STEP and STEP not in values:
        if spec.kind not in {None, "curve"}:
            raise GraphError(f"a {spec.kind} is drawn against a parameter; x: step needs kind: curve")
        return "curve"
    if spec.kind is not None:
        return spec.kind
    found = values[spec.x]
    return "line" if len(found) >= _MIN_VALUES_OF_LINE and found.is_axis() else "bar"


def _check_roles(spec: GraphSpec, kind: GraphKind) -> None:
    """Refuse a parameter in two roles: one of them would show nothing."""
    roles = {} if kind == "curve" else {spec.x: "x"}
    for role, name in (("hue", spec.hue), ("facet", spec.facet)):
        if name in roles:
            raise GraphError(
                f"{role}: {name!r} is already the {roles[name]}; name another parameter, or leave {role} out"
            )
        if name is not None:
            roles[name] = role


def _metric(name: str, records: SeriesRecords) -> str:
    if name in records.curves:
        return name
    hint = suggestion(name, records.curves, kind="logged metrics")
    if name in records.result_names():
        hint = f"it is a result, which has no steps: use x with a parameter. {hint}"
    raise GraphError(f"y: no completed experiment logged a metric named {name!r}; {hint}")


def _result(name: str, records: SeriesRecords) -> str:
    known = records.result_names()
    last = f"metrics.{name}.last"
    if name in known:
        return name
    if last in known:
        return last
    shown = [found for found in known if not found.startswith("metrics.")] + list(records.curves)
    raise GraphError(
        f"y: there is no result or metric named {name!r}; "
        f"{suggestion(name, dict.fromkeys(shown), kind='results and metrics')}"
    )
