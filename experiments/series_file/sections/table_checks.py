"""Checks of a table: whether its keys fit each other and name parameters of the series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from database.suggestions import suggestion
from experiments.series_file.reading.errors import KeyPath, PathMessage
from experiments.series_file.sections import analysis_checks, fields, graph_checks
from experiments.series_file.sections.tables import show_parts

_ROLES = ("rows", "columns", "over")
_SHOWN = ("estimator", "interval", "level", "ends")


def problems(table: Mapping[str, Any]) -> Iterator[PathMessage]:
    """Yield the problems of a table that do not depend on the parameters.

    Parameters
    ----------
    table : mapping
        As written, without defaults. Values of a wrong type are skipped.
    """
    yield from _roles(table)
    parts = show_parts(table.get("show"))
    for key in _SHOWN if parts is not None else ():
        if key in table:
            yield (key,), f"is given by show: {table['show']} already; leave one of them out"
    yield from graph_checks.estimation_problems(fields.interval({**table, **(parts or {})}))
    yield from _compared(table)
    roles = {name for _, name in _named(table, _ROLES)}
    yield from analysis_checks.contradiction(table)
    yield from analysis_checks.normalising(table, roles)
    for key in ("paired", "strata"):
        if table.get(key) is not None and not table.get("over") and table.get("significance") is False:
            yield (key,), "means nothing without over and significance: no cells are averaged or compared"
    for path, name in analysis_checks.listed(table, "strata"):
        if name not in roles:
            yield path, f"{name!r} is neither shown nor averaged over, so that it means nothing here"


def _roles(table: Mapping[str, Any]) -> Iterator[PathMessage]:
    """Check that no parameter has two roles: one of them would show nothing."""
    taken: dict[str, str] = {}
    for path, name in _named(table, _ROLES):
        role = str(path[0])
        if name in taken:
            yield path, f"{name!r} is already among {taken[name]}; a parameter has one of these roles"
        taken.setdefault(name, role)


def _compared(table: Mapping[str, Any]) -> Iterator[PathMessage]:
    within = table.get("within", "column")
    if within == "row" and not table.get("columns"):
        yield ("within",), "cannot be 'row' in a table without columns: there is nothing to compare in a row"
    baseline = table.get("baseline")
    if baseline is None:
        return
    if table.get("significance") is False:
        yield ("baseline",), "means nothing with significance: false; leave one of them out"
    role = "rows" if within == "column" else "columns"
    compared = [name for _, name in _named(table, (role,))]
    if len(compared) > 1 and not (isinstance(baseline, dict) and set(baseline) == set(compared)):
        wanted = ", ".join(f"{name}: ..." for name in compared)
        yield ("baseline",), f"must give a value of each of the {role}: {{{wanted}}}"


def names(table: Mapping[str, Any], parameters: Sequence[str]) -> Iterator[PathMessage]:
    """Yield the names in a table that are no parameters, each with the nearest parameter."""
    for path, name in _named(table, (*_ROLES, "where", "order")):
        if name not in parameters:
            yield path, f"cannot be {name!r}; {suggestion(name, parameters)}"
    labels, measured = table.get("labels"), table.get("y")
    known = [*parameters, *([measured] if isinstance(measured, str) else ())]
    for name in labels if isinstance(labels, dict) else ():
        if name not in known:
            yield ("labels", name), f"{name!r} is not shown; {suggestion(name, known)}"


def _named(table: Mapping[str, Any], keys: Sequence[str]) -> Iterator[tuple[KeyPath, str]]:
    """Yield the path and the name where a table names a parameter."""
    for key in keys:
        given = table.get(key)
        if key in ("where", "order"):  # an expression in where is checked by its parser
            yield from (((key, name), name) for name in (given if isinstance(given, dict) else ()))
        else:
            yield from analysis_checks.listed(table, key)
