"""Checks between the parts of a series file: parameters, their number, graphs and tables.

They read raw data and skip values of a wrong type, which the models report, so that all problems of a file
are reported at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from database.expressions import ExpressionError, parse
from database.expressions.names import KnownNames
from experiments.parameters import (
    RESERVED_NAMES,
    ParameterError,
    canonical,
    group_that_is_value,
    nest,
    value_problem,
)
from experiments.series_file.axes import Axis, Parameter, axes, parameter_names
from experiments.series_file.models import MAX_EXPERIMENTS
from experiments.series_file.reading.errors import KeyPath, PathMessage, path_text
from experiments.series_file.sections import analysis_checks, graph_checks, table_checks

#: Counting stops here: a number of thousands of digits is of no use.
_ENOUGH = 10**15
_LONGEST_VALUE = 60
_Checks = Callable[[Mapping[str, Any]], Iterator[PathMessage]]
_NameChecks = Callable[[Mapping[str, Any], Sequence[str]], Iterator[PathMessage]]
#: The sections of what is shown: the checks of each item, and of the names in it.
_SHOWN: Mapping[str, tuple[_Checks, _NameChecks]] = {
    "graphs": (graph_checks.problems, graph_checks.names),
    "tables": (table_checks.problems, table_checks.names),
}


def check(data: Mapping[str, Any]) -> Iterator[PathMessage]:
    """Yield the problems between the sections of a file whose data is `data`."""
    chain = axes(data)
    parameters = [parameter for axis in chain for parameter in axis.parameters]
    repeat = data.get("repeat", 1)
    yield from _names(parameters)
    for parameter in parameters:
        yield from _values(parameter)
    yield from _count(chain, repeat.get("seeds", 1) if isinstance(repeat, dict) else repeat)
    names = parameter_names(chain)
    for section in _SHOWN:
        yield from _shown(data, section, names)
    yield from analysis_checks.problems(data, names)


def _names(parameters: Sequence[Parameter]) -> Iterator[PathMessage]:
    places: dict[str, KeyPath] = {}
    for parameter in parameters:
        name, path = parameter.name, parameter.path
        parts = name.split(".")
        if not all(parts):
            yield path, f"the parameter name {name!r} has an empty part"
        if parts[0] in RESERVED_NAMES:
            yield path, _reserved(parts[0], parameter)
        if name in places:
            yield path, f"{name!r} is already given at {path_text(places[name])}"
        places.setdefault(name, path)
    for name, path in places.items():
        if group := group_that_is_value(name, places):
            yield path, f"{group!r} is a value (at {path_text(places[group])}), so nothing can lie below it"


def _reserved(name: str, parameter: Parameter) -> str:
    """Return why a parameter cannot be called `name`, and what gives experiments a value of it."""
    if name == "run":
        return f"{name!r} cannot be a parameter: experiments get it besides their parameters"
    several = len(parameter.values) if len(parameter.values) > 1 else 5
    return (
        f"{name!r} cannot be a parameter: experiments get it from repeat.seeds; write "
        f"repeat: {{seeds: {several}}} for {several} seeds, or give the parameter another name"
    )


def _values(parameter: Parameter) -> Iterator[PathMessage]:
    first: dict[str, int] = {}
    for index, value in enumerate(parameter.values):
        if problem := value_problem(value):
            inner, message = problem
            yield (*parameter.value_path(index), *inner), message
            continue
        try:
            text = canonical(nest(value) if isinstance(value, dict) else value)
        except ParameterError as error:
            yield parameter.value_path(index), str(error)
            continue
        if text in first:
            place = path_text(parameter.value_path(first[text]))
            yield parameter.value_path(index), f"{_as_yaml(value)} is in the list twice, first at {place}"
        first.setdefault(text, index)


def _as_yaml(value: Any) -> str:
    """Return a value as a series file has it: JSON is YAML."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _count(chain: Sequence[Axis], seeds: Any) -> Iterator[PathMessage]:
    """Count before anything is expanded."""
    if type(seeds) is not int or seeds < 1:
        return
    varying = [axis for axis in chain if len(axis) and not axis.is_fixed]
    sizes = [len(axis) for axis in varying]
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
        yield varying[0].parameters[0].path[:1] if varying else ("repeat", "seeds"), message


def _shown(data: Mapping[str, Any], section: str, parameters: list[str]) -> Iterator[PathMessage]:
    """Check the graphs or tables of a section."""
    checks, name_checks = _SHOWN[section]
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
        for path, message in (*checks(asked), *name_checks(asked, parameters)):
            yield (section, index, *path), message
        if isinstance(where := asked.get("where"), str):
            try:
                parse(where, KnownNames([tuple(name.split(".")) for name in parameters]))
            except ExpressionError as error:
                yield (section, index, "where"), error.in_one_line()
