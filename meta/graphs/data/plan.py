"""The plan of a graph: its kind, its variables, and the role of each parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from database.suggestions import suggestion
from experiments.series_file.models import MetricSection
from experiments.series_file.reading.errors import path_text
from experiments.series_file.result_names import (
    metric_problem,
    result_of,
    result_problem,
)
from experiments.series_file.sections import graph_checks
from experiments.series_file.sections.graph_kinds import (
    GRAPH_KINDS,
    KIND_OF_NUMBERS,
    KIND_OF_VALUES,
    KIND_OVER_STEPS,
    OF_METRIC,
    SECONDS,
    STEP,
    GraphRules,
    rules_of,
)
from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.data.estimates import Aggregator
from meta.records.errors import GraphError
from meta.records.possible import refuse_impossible
from meta.records.readings import Point, Runs
from meta.records.series_records import ConfigurationRecord, SeriesRecords
from meta.records.value_set import ABSENT, ValueSet, short_names

#: The units of time in seconds.
_UNITS_S = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
#: A numeric axis with fewer values than this shows little more than bars.
_MIN_VALUES_OF_LINE = 3
#: More cannot be read on one figure.
MAX_LINES, MAX_PANELS = 24, 16
#: The `x` of a series without parameters: all of it is one category.
SERIES = "series"
#: The `x` of a graph that has no parameter there: unlike any name of a parameter.
_NOWHERE = ""
#: The results that are no numbers, as messages call them.
_KINDS: Mapping[type, str] = {list: "a list", str: "text", dict: "a mapping"}


@dataclass(frozen=True)
class Variable:
    """A measured variable: a result, or a logged metric.

    Attributes
    ----------
    name : str
        As it was asked for.
    key : str
        Of a curve the metric; else the result by its dotted name.
    measured : str
        The label of the axis unless the file has one: the metric, or the result.
    label : MetricSection
        How it is shown.
    statistic : str or None
        Which value of a metric is drawn, where it has one per experiment: ``last``, ``min``, ...
    """

    name: str
    key: str
    measured: str
    label: MetricSection
    statistic: str | None = None

    def axis_label(self) -> str:
        """Return the label of an axis."""
        details = ", ".join(part for part in (self.statistic, self.label.unit) if part)
        label = self.label.label or self.measured
        return f"{label} ({details})" if details else label


@dataclass(frozen=True)
class Plan:
    """What a graph shows.

    Attributes
    ----------
    spec : GraphSpec
        What was asked for.
    rules : GraphRules
        Those that a series file's request of its kind is checked against.
    y : Variable
    across : Variable or None
        The x axis of a scatter graph.
    x : str
        A parameter, or ``step`` or ``seconds``, or `SERIES` where there is no parameter; empty where x is a
        result.
    hues : tuple of str
        The parameters that distinguish lines: those asked for (hue, style, rows), then every other that
        varies within the series, so that no two configurations are ever pooled unasked. What only changes
        together with them, `x`, `over` or a facet is left out.
    row, column : str or None
        The parameters that distinguish panels.
    values : mapping of str to ValueSet
        Of every parameter of the series.
    aggregator : Aggregator
        How the readings of a point become its estimate and interval.
    """

    spec: GraphSpec
    rules: GraphRules
    y: Variable
    x: str
    hues: tuple[str, ...]
    values: Mapping[str, ValueSet]
    aggregator: Aggregator
    row: str | None = None
    column: str | None = None
    across: Variable | None = None

    @property
    def facets(self) -> tuple[str, ...]:
        """The parameters that distinguish panels, row first."""
        return tuple(name for name in (self.row, self.column) if name is not None)

    @property
    def counts_missing(self) -> bool:
        """Whether an experiment that failed, or has no reading, counts as one that never reached `y`."""
        return (self.spec.missing or self.y.label.missing or "never") == "never"

    @property
    def unit_s(self) -> float | None:
        """The unit of `y` in seconds where shares are drawn of the time until experiments get there."""
        is_time = self.rules.shows_values and "missing" in self.rules.keys and self.y.label.goal == "min"
        return _UNITS_S.get(self.y.label.unit or "") if is_time else None

    def runs(self, point: Point) -> Runs | None:
        """Return what the experiments of a point reached of `y`, or None where `y` has no goal."""
        goal = self.y.label.goal
        return None if goal is None else Runs.of(point, goal, missing_is_never=self.counts_missing)

    def place(self, name: str, parameters: Mapping[str, Any]) -> int:
        """Return the index of a configuration's value among all values of parameter `name`."""
        return self.values[name].place(parameters.get(name, ABSENT))

    def value_label(self, name: str, parameters: Mapping[str, Any]) -> str:
        """Return the label of a configuration's value of parameter `name`."""
        return self.values[name].label(parameters.get(name, ABSENT))

    def line_label(self, parameters: Mapping[str, Any]) -> str:
        """Return the label of a configuration's line; of one parameter only the value."""
        if len(self.hues) == 1:
            return self.value_label(self.hues[0], parameters)
        return self.described(self.hues, parameters)

    def described(self, names: Sequence[str], parameters: Mapping[str, Any]) -> str:
        """Return a configuration's values of some parameters, with their names as short as possible."""
        short = short_names(names)
        return ", ".join(f"{short[name]}={self.value_label(name, parameters)}" for name in names)

    def configuration_labels(self, members: Sequence[ConfigurationRecord]) -> list[str]:
        """Return the labels of configurations that are averaged or pooled: their values of `over`."""
        return [self.described(self.spec.over, member.parameters) for member in members]

    def chosen_parameters(self, names: Sequence[str], parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of a configuration's values that are of `names`, without absent ones."""
        return {name: parameters[name] for name in names if name in parameters}

    def panel_title(self, parameters: Mapping[str, Any]) -> str | None:
        """Return the title of a configuration's panel, or None without a facet."""
        parts = [f"{name} = {self.value_label(name, parameters)}" for name in self.facets]
        return ", ".join(parts) or None


def make_plan(spec: GraphSpec, records: SeriesRecords) -> Plan:
    """Decide what a graph shows.

    Raises
    ------
    GraphError
        A name is neither result, metric nor parameter, a parameter has two roles, a key means nothing for
        this kind, a parameter that is not named would be averaged over, or nothing is completed.
    """
    has_completed = any(configuration.completed for configuration in records.configurations)
    if not has_completed and not rules_of(spec.kind).of_attempts:
        raise GraphError(f"{records.nothing_completed()}: nothing to draw")
    values = records.parameter_values() or {SERIES: ValueSet.single(records.name)}
    rules = _rules(spec, values)
    if spec.kind is None:  # a given kind was checked with the series file
        request = spec.model_dump(exclude_defaults=True) | {"kind": rules.name}
        for path, message in graph_checks.problems(request):
            raise GraphError(f"{path_text(path)}: {message}")
    _check_names(spec, rules, values)
    for name, first in spec.order.items():
        values[name] = _ordered(name, first, values[name])
    x_is_parameter = "x" in rules.keys and rules.roles["x"] == "parameter"
    x = (spec.x or SERIES) if x_is_parameter or rules.over_steps else _NOWHERE
    if x not in values and not rules.over_steps:
        values[x] = ValueSet.single(records.name)
    facet = spec.facet
    row, column = (facet.row, facet.column) if facet else (None, None)
    hues = [name for name in (spec.hue, spec.style, spec.rows) if name is not None]
    roles = () if rules.over_steps else (x,)  # a parameter may be called step too
    taken = [name for name in (*roles, row, column, *hues, *spec.over) if name in values]
    varying = records.parameter_table(values).distinguishing(taken)
    if rules.unnamed == "refused":
        _refuse_unnamed(rules, varying, values)
    across = rules.roles.get("x") == "result" and spec.x
    y = _y(spec, rules, records)
    return Plan(
        spec=spec,
        rules=rules,
        y=y,
        x=x,
        hues=(*hues, *(varying if rules.unnamed == "own lines" else ())),
        values=values,
        aggregator=Aggregator.of(spec, records, y.key, y.label),
        row=row,
        column=column,
        across=make_variable(across, records, "x") if across else None,
    )


def kind_of(spec: GraphSpec, records: SeriesRecords) -> str:
    """Return the kind that a graph is drawn as, also of one that cannot be drawn."""
    return spec.kind or _rules(spec, records.parameter_values()).name


def _check_names(spec: GraphSpec, rules: GraphRules, values: Mapping[str, ValueSet]) -> None:
    facet = spec.facet
    roles = [("x", spec.x), ("hue", spec.hue), ("style", spec.style), ("rows", spec.rows)]
    roles += [("facet", name) for name in ((facet.row, facet.column) if facet else ())]
    roles += [(role, name) for role in ("over", "order") for name in getattr(spec, role)]
    for role, name in roles:
        if name is None or name in values or (role == "x" and rules.roles.get("x") in ("step", "result")):
            continue
        raise GraphError(
            f"{role}: there is no parameter named {name!r}; "
            f"{suggestion(name, values, kind='parameters of the series')}"
        )


def _ordered(name: str, first: Sequence[Any], values: ValueSet) -> ValueSet:
    unknown = [value for value in first if value not in values]
    if unknown:
        raise GraphError(f"order: {name} is never {unknown[0]!r}; its values: {', '.join(values.labels)}")
    return values.ordered(first)


def _refuse_unnamed(rules: GraphRules, varying: Sequence[str], values: Mapping[str, ValueSet]) -> None:
    """Refuse to average over parameters that the file does not name, where no legend shows them."""
    if not varying:
        return
    listed = ", ".join(f"{name} ({len(values[name])} values)" for name in varying)
    roles = ", ".join(key for key in ("x", "rows", "hue", "style") if key in rules.keys)
    can_choose = ", draw a panel for each value (facet)" if "facet" in rules.keys else ""
    raise GraphError(
        f"a {rules.name} of these configurations would average over parameters that are not named: they also "
        f"differ in {listed}. If that is what you want, write over: [{', '.join(varying)}]; else give them a "
        f"role ({roles}){can_choose}, or choose one value (where)"
    )


def _rules(spec: GraphSpec, values: Mapping[str, ValueSet]) -> GraphRules:
    """Return the rules of the kind that is requested, or that follows from x."""
    is_time = spec.x in (STEP, SECONDS) and spec.x not in values
    if spec.kind is not None:
        rules = GRAPH_KINDS[spec.kind]
        if rules.over_steps and spec.x not in (STEP, SECONDS):
            raise GraphError(
                f"a {rules.name} is drawn over its steps: write x: step or x: seconds, not x: {spec.x}"
            )
        if is_time and rules.roles.get("x") not in ("step", "result"):
            raise GraphError(
                f"a {rules.name} is not drawn over steps; x: {spec.x} needs kind: {KIND_OVER_STEPS}"
            )
        return rules
    if is_time:
        return GRAPH_KINDS[KIND_OVER_STEPS]
    on_x = values.get(spec.x or "")
    is_line = on_x is not None and len(on_x) >= _MIN_VALUES_OF_LINE and on_x.is_axis()
    return GRAPH_KINDS[KIND_OF_NUMBERS if is_line else KIND_OF_VALUES]


def _y(spec: GraphSpec, rules: GraphRules, records: SeriesRecords) -> Variable:
    name = spec.y or ""
    if rules.of_attempts:
        return Variable(name, name, name, MetricSection())
    if rules.over_steps:
        key = _metric(name, records)
        refuse_impossible(records, key, of_curves=True)
        return Variable(name, key, name, records.labels.get(name, MetricSection()))
    return make_variable(name, records, "y")


def _metric(name: str, records: SeriesRecords) -> str:
    if name in records.curves:
        return name
    logged = dict.fromkeys([*records.metric_names(), *records.curves])  # only curves to draw are read
    raise GraphError(f"y: {metric_problem(name, records.result_names(), logged)}")


def make_variable(name: str, records: SeriesRecords, role: str) -> Variable:
    """Return the result called `name`, or the last value of that metric.

    Parameters
    ----------
    name : str
    records : SeriesRecords
    role : str
        The key under which it was asked for, for the message.

    Raises
    ------
    GraphError
        There is neither, it is no number in any experiment, or it has readings that there cannot be.
    """
    known = records.result_names()
    key = result_of(name, known)
    if key is None:
        raise GraphError(f"{role}: {result_problem(name, known)}")
    values = [
        experiment.results.get(key) for member in records.configurations for experiment in member.completed
    ]
    others = dict.fromkeys(
        _KINDS[type(value)] for value in values if not isinstance(value, int | float | None)
    )
    if others and not any(isinstance(value, int | float) for value in values):
        raise GraphError(
            f"{role}: the result {name!r} is {' or '.join(others)}, not a number; return a number of it too, "
            "such as its mean, or log its values with run.log()"
        )
    refuse_impossible(records, key)
    of_metric = OF_METRIC.fullmatch(key)
    measured = of_metric["metric"] if of_metric else name
    statistic = of_metric["statistic"] if of_metric else None
    return Variable(name, key, measured, records.label_of(key), statistic)
