"""The plan of a table, from the request of a series file: the variable, and the role of each parameter.

A series whose file requests no table has default ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from database.suggestions import suggestion
from experiments.series_file.reading.errors import path_text
from experiments.series_file.sections import table_checks
from experiments.series_file.sections.tables import TableSpec
from meta.graphs.data.estimates import Aggregator
from meta.graphs.data.plan import SERIES, Variable, make_variable
from meta.graphs.figure.default_graphs import MAX_GRAPHS, numeric_results
from meta.records.errors import TableError
from meta.records.series_records import SeriesRecords
from meta.records.step_counters import counting_results, ends_alike, first_parameter
from meta.records.value_set import ABSENT, ValueSet, short_names

#: The places of a configuration's values of some parameters, among all values of each.
Key = tuple[int, ...]
#: More columns of a default table than this are wider than a page.
_MAX_COLUMNS = 8


@dataclass(frozen=True)
class TablePlan:
    """The content of a table.

    Attributes
    ----------
    spec : TableSpec
        The request.
    y : Variable
    chosen : tuple of str
        The parameters of which `select` takes the best setting.
    values : mapping of str to ValueSet
        Of every parameter of the series.
    aggregator : Aggregator
        How the readings of a cell become its estimate and interval.
    baseline : tuple of int or None
        The places of the compared parameters' values that the others are compared with; None is the best.
    """

    spec: TableSpec
    y: Variable
    chosen: tuple[str, ...]
    values: Mapping[str, ValueSet]
    aggregator: Aggregator
    baseline: Key | None = None

    @property
    def goal(self) -> Literal["max", "min"] | None:
        """Whether larger or smaller readings are better; None if unknown."""
        return self.y.label.goal

    def key(self, names: Sequence[str], parameters: Mapping[str, Any]) -> Key:
        """Return the places of a configuration's values of `names` among all values."""
        return tuple(self.values[name].place(parameters.get(name, ABSENT)) for name in names)

    def labels(self, names: Sequence[str], key: Key) -> list[str]:
        """Return the labels of the values at these places."""
        return [self.values[name].labels[place] for name, place in zip(names, key, strict=True)]

    def described(self, names: Sequence[str], key: Key) -> str:
        """Return values with their names, which are as short as possible."""
        pairs = zip(self.heads(names), self.labels(names, key), strict=True)
        return ", ".join(f"{head}={label}" for head, label in pairs)

    def heads(self, names: Sequence[str]) -> list[str]:
        """Return the labels of parameters at the head of the table."""
        short = short_names(names)
        return [self.spec.labels.get(name, short[name]) for name in names]

    def place_label(self, row: Key, column: Key) -> str:
        """Return the label of a cell; an empty key adds nothing."""
        sides = ((self.spec.rows, row), (self.spec.columns, column))
        return ", ".join(self.described(names, key) for names, key in sides if key)

    def shared(self, row: Key, column: Key) -> tuple[Key, Key]:
        """Return the row and column of the cells that share a choice (`select`); what differs is empty."""
        sides = {"best_per_row": (row, ()), "best_per_column": ((), column)}
        return sides.get(self.spec.select or "", (row, column))

    def measured(self) -> str:
        """Return the label of the numbers in the cells."""
        return self.spec.labels.get(self.spec.y) or self.y.axis_label()


def make_plan(spec: TableSpec, records: SeriesRecords) -> TablePlan:
    """Plan a table.

    Parameters
    ----------
    spec : TableSpec
    records : SeriesRecords
        Those that `spec.where` leaves.

    Raises
    ------
    TableError
        A name is no parameter, keys do not fit together, a parameter that is not named would be averaged
        over, or nothing is completed.
    GraphError
        `y` is neither result nor metric.
    """
    if not any(configuration.completed for configuration in records.configurations):
        raise TableError(f"{records.nothing_completed()}: nothing to show")
    values = records.parameter_values() or {SERIES: ValueSet.single(records.name)}
    for path, message in _problems(spec, list(values)):
        raise TableError(f"{path_text(path)}: {message}")
    for name, first in spec.order.items():
        unknown = [value for value in first if value not in values[name]]
        if unknown:
            listed = ", ".join(values[name].labels)
            raise TableError(f"order: {name} is never {unknown[0]!r}; its values: {listed}")
        values[name] = values[name].ordered(first)
    y = make_variable(spec.y, records, "y")
    shown = [*spec.rows, *spec.columns, *spec.over]
    varying = tuple(records.parameter_table(values).distinguishing(shown))
    if varying and spec.select is None:
        _refuse_average(varying, values)
    if varying and y.label.goal is None:
        raise TableError(
            f"select: what is best is unknown; write metrics: {{{y.measured}: {{goal: max}}}}, or min"
        )
    aggregator = Aggregator.of(spec, records, y.key, y.label)
    return TablePlan(spec, y, varying, values, aggregator, _baseline(spec, values))


def _problems(spec: TableSpec, parameters: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], str]]:
    request = spec.model_dump(exclude_defaults=True)
    yield from table_checks.problems(request)
    yield from table_checks.names(request, parameters)


def _refuse_average(varying: Sequence[str], values: Mapping[str, ValueSet]) -> None:
    listed = ", ".join(f"{name} ({len(values[name])} values)" for name in varying)
    raise TableError(
        "a cell of this table would average over parameters that are not named: its configurations also "
        f"differ in {listed}. If that is what you want, write over: [{', '.join(varying)}]; else give them a "
        "role (rows, columns), take the best setting (select: best_per_row), or choose one value (where)"
    )


def _baseline(spec: TableSpec, values: Mapping[str, ValueSet]) -> Key | None:
    if spec.baseline is None:
        return None
    given = spec.baseline if len(spec.compared) > 1 else {spec.compared[0]: spec.baseline}
    for name in spec.compared:
        if given[name] not in values[name]:
            raise TableError(
                f"baseline: {name} is never {given[name]!r}; "
                f"{suggestion(str(given[name]), values[name].labels, kind='its values')}"
            )
    return tuple(values[name].place(given[name]) for name in spec.compared)


@dataclass(frozen=True)
class DefaultTables:
    """The tables of a series that requests none, and what has none as it only counts the steps."""

    specs: Sequence[TableSpec] = ()
    counting: Sequence[str] = ()


def default_tables(records: SeriesRecords) -> DefaultTables:
    """Return a table for each numeric result and each metric's last value, at most 12.

    Of the parameters that distinguish configurations, the one with the fewest values makes the columns, if
    there are several parameters and its values fit on a page; all others make the rows. So every
    configuration has a cell of its own.
    """
    values = records.parameter_values()
    varying = records.parameter_table(values).distinguishing()
    if not varying and (first := first_parameter(records, values)):
        varying = [first]
    fewest = min(varying, key=lambda name: len(values[name]), default=None)
    columns: Sequence[str] = ()
    if fewest is not None and len(varying) > 1 and len(values[fewest]) <= _MAX_COLUMNS:
        columns = (fewest,)
    rows = [name for name in varying if name not in columns] or [SERIES]
    results = numeric_results(records)
    metrics = [name for name in records.metric_names() if name not in results]
    counting = counting_results(records, results)
    counting += [name for name in metrics if name in records.step_counters and ends_alike(records, name)]
    shown = [name for name in (*results, *metrics) if name not in counting]
    return DefaultTables(
        [TableSpec(y=name, rows=tuple(rows), columns=tuple(columns)) for name in shown[:MAX_GRAPHS]],
        counting,
    )
