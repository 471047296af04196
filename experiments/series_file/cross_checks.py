"""Whether the parts of a series file fit together: parameters, their number, graphs and tables.

The checks read raw data and look past what has a wrong type (the models report that), so that all
problems of a file are found at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from database.expressions import ExpressionError, parse
from database.expressions.names import KnownNames
from experiments.parameters import (
    RESERVED_NAMES,
    ParameterError,
    canonical,
    flatten,
    group_that_is_value,
    nest,
    objection,
)
from experiments.series_file.models import MAX_EXPERIMENTS
from experiments.series_file.reading.errors import KeyPath, path_text
from experiments.series_file.sections import graph_checks, table_checks

#: A path and what is wrong there.
Finding = tuple[KeyPath, str]

#: Counting stops here: a number of experiments with thousands of digits helps nobody.
_ENOUGH = 10**15
_LONGEST_VALUE = 60


def check(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong between the sections of a file whose data is `data`."""
    fixed, grid = _mapping(data, "fixed"), _mapping(data, "grid")
    places: dict[str, KeyPath] = {}
    yield from _names(fixed, grid, places)
    yield from _values(fixed, grid)
    yield from _count(grid, _mapping(data, "repeat").get("seeds", 1))
    parameters = _shown_names(places, grid)
    yield from _shown(data, "graphs", graph_checks, parameters)
    yield from _shown(data, "tables", table_checks, parameters)


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _fixed_leaves(group: Mapping[str, Any], path: KeyPath, prefix: str) -> Iterator[tuple[str, KeyPath, Any]]:
    for name, value in group.items():
        if isinstance(value, dict) and value:
            yield from _fixed_leaves(value, (*path, name), f"{prefix}{name}.")
        else:
            yield prefix + name, (*path, name), value


def _names(
    fixed: Mapping[str, Any], grid: Mapping[str, Any], places: dict[str, KeyPath]
) -> Iterator[Finding]:
    """Check the parameters' names, and collect where each is given in `places`."""
    leaves = [(name, path) for name, path, _ in _fixed_leaves(fixed, ("fixed",), "")]
    for name, path in [*leaves, *((name, ("grid", name)) for name in grid)]:
        parts = name.split(".")
        if not all(parts):
            yield path, f"the parameter name {name!r} has an empty part"
        if parts[0] in RESERVED_NAMES:
            yield path, f"{parts[0]!r} cannot be a parameter: experiments get it besides their parameters"
        if name in places:
            yield path, f"{name!r} is already given at {path_text(places[name])}"
        places.setdefault(name, path)
    for name, path in places.items():
        if group := group_that_is_value(name, places):
            yield path, f"{group!r} is a value (at {path_text(places[group])}), so nothing can lie below it"


def _values(fixed: Mapping[str, Any], grid: Mapping[str, Any]) -> Iterator[Finding]:
    for _, path, value in _fixed_leaves(fixed, ("fixed",), ""):
        if found := objection(value):
            yield path, found
    for name, choices in grid.items():
        if isinstance(choices, list):
            yield from _choices(choices, ("grid", name))


def _choices(choices: list[Any], path: KeyPath) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, choice in enumerate(choices):
        if found := objection(choice):
            yield (*path, index), found
            continue
        try:
            text = canonical(nest(choice) if isinstance(choice, dict) else choice)
        except ParameterError as error:
            yield (*path, index), str(error)
            continue
        if text in first:
            place = path_text((*path, first[text]))
            yield (*path, index), f"{_as_yaml(choice)} is in the list twice, first at {place}"
        first.setdefault(text, index)


def _as_yaml(value: Any) -> str:
    """Return a value as a series file may have it: JSON is YAML."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _count(grid: Mapping[str, Any], seeds: Any) -> Iterator[Finding]:
    """Count before anything is expanded."""
    if type(seeds) is not int or seeds < 1:
        return
    sizes = [len(choices) for choices in grid.values() if isinstance(choices, list) and choices]
    count = 1
    for size in [*sizes, seeds]:
        count = min(count * size, _ENOUGH)
    if count > MAX_EXPERIMENTS:
        at_least = "at least " if count == _ENOUGH else ""
        factors = " x ".join(str(size) for size in sizes[:10]) + (" x ..." if len(sizes) > 10 else "")
        message = (
            f"describes {at_least}{count:,} experiments ({factors or 1} configurations x {seeds} "
            f"repetitions), more than the limit of {MAX_EXPERIMENTS:,}; split the series"
        )
        yield ("grid",) if sizes else ("repeat", "seeds"), message


def _shown_names(places: Mapping[str, KeyPath], grid: Mapping[str, Any]) -> list[str]:
    """Return the names that graphs and tables can use: a group among the choices is seen by its parts."""
    names: dict[str, None] = {}
    for name in places:
        choices = grid.get(name)
        for choice in choices if isinstance(choices, list) else [None]:
            try:
                names.update(dict.fromkeys(flatten({name: choice})))
            except ParameterError:
                names[name] = None  # reported among the values
    return list(names)


class _Checks(Protocol):
    """What is known of one graph or table: the module that checks it."""

    def objections(self, asked: Mapping[str, Any], /) -> Iterator[Finding]: ...

    def names(self, asked: Mapping[str, Any], parameters: Sequence[str], /) -> Iterator[Finding]: ...


def _shown(
    data: Mapping[str, Any], section: str, checks: _Checks, parameters: list[str]
) -> Iterator[Finding]:
    """Check what is asked for in a section that lists graphs or tables."""
    several = data.get(section)
    named: dict[str, int] = {}
    for index, asked in enumerate(several if isinstance(several, list) else ()):
        if not isinstance(asked, dict):
            continue
        name = asked.get("name")
        if isinstance(name, str):
            if name in named:
                yield (section, index, "name"), f"{name!r} is the name of {section}[{named[name]}] too"
            named.setdefault(name, index)
        for found in (checks.objections(asked), checks.names(asked, parameters)):
            for path, message in found:
                yield (section, index, *path), message
        if isinstance(where := asked.get("where"), str):
            try:
                parse(where, KnownNames([tuple(name.split(".")) for name in parameters]))
            except ExpressionError as error:
                yield (section, index, "where"), error.in_one_line()
