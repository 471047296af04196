"""The records of the configurations that have the parameters of a mapping `where`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from database.suggestions import MAX_LISTED, suggestion
from experiments.series_file.sections.graphs import Where
from meta.records.errors import GraphError
from meta.records.series_records import SeriesRecords
from meta.records.value_set import ABSENT, ValueSet, labels_of


def with_parameters(records: SeriesRecords, where: Where | None) -> SeriesRecords:
    """Return the records of the configurations that have these values (of a list: any of them).

    An expression is not applied here, but in `meta.records.selection.subsets`.

    Raises
    ------
    GraphError
        There is no such parameter, or no configuration has the value.
    """
    if not where or isinstance(where, str):
        return records
    values = records.parameter_values()
    wanted: dict[str, set[int]] = {}
    for name, value in where.items():
        if name not in values:
            raise GraphError(
                f"where: there is no parameter named {name!r}; "
                f"{suggestion(name, values, kind='parameters of the series')}"
            )
        choices = value if isinstance(value, list | tuple) and value not in values[name] else [value]
        unknown = [item for item in choices if item not in values[name]]
        if unknown or not choices:
            raise GraphError(
                f"where: no configuration has {name} = {_label(unknown or [[]], values[name])}; "
                f"its values: {', '.join(values[name].labels[:MAX_LISTED])}"
            )
        wanted[name] = {values[name].place(item) for item in choices}

    def has_all(parameters: Mapping[str, Any]) -> bool:
        has = {name: parameters.get(name, ABSENT) for name in wanted}
        # A value that only retired configurations have is not among the values.
        return all(
            value in values[name] and values[name].place(value) in wanted[name] for name, value in has.items()
        )

    kept = [configuration for configuration in records.configurations if has_all(configuration.parameters)]
    if not kept:
        raise GraphError("where: each value occurs, but no configuration has all of them; leave one out")
    ids = {configuration.id for configuration in kept}
    return replace(
        records,
        whole=records.whole or records,
        configurations=kept,
        no_longer_named=[retired for retired in records.no_longer_named if has_all(retired.parameters)],
        attempts=[attempt for attempt in records.attempts if attempt.configuration_id in ids],
    )


def _label(unknown: Sequence[Any], known: ValueSet) -> str:
    """Return the label of an unknown value beside the known ones: 2.0 is not 2."""
    return labels_of([unknown[0], *known.values])[0]
