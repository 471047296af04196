"""Reading a series from a Python mapping: the same plain data as from a file, without positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.series_file.reading.document import Document, text_problem
from experiments.series_file.reading.errors import KeyPath, Problem

#: Deeper structures are assumed to contain themselves.
MAX_DEPTH = 50


def read_mapping(source: Mapping[Any, Any]) -> Document:
    """Return the plain data of `source`: tuples and ranges as lists, numpy scalars as numbers."""
    problems: list[Problem] = []
    data = _plain(source, (), problems)
    assert isinstance(data, dict)
    return Document(data, problems=tuple(problems))


def _plain(value: Any, path: KeyPath, problems: list[Problem]) -> Any:
    if value is None or type(value) in {bool, int, float}:
        return value
    if isinstance(value, str):
        if problem := text_problem(value):
            problems.append(Problem(problem, path))
        return str(value)
    if isinstance(value, Mapping | list | tuple | range):
        if len(path) >= MAX_DEPTH:
            problems.append(Problem(f"nests deeper than {MAX_DEPTH} levels, or contains itself", path))
            return None
        if isinstance(value, Mapping):
            return _plain_mapping(value, path, problems)
        return [_plain(item, (*path, index), problems) for index, item in enumerate(value)]
    return _plain_scalar(value, path, problems)


def _plain_mapping(value: Mapping[Any, Any], path: KeyPath, problems: list[Problem]) -> dict[str, Any]:
    data = {}
    for key, item in value.items():
        if not isinstance(key, str):
            problems.append(Problem(f"has the key {key!r}; keys are text", path))
        elif problem := text_problem(key):
            problems.append(Problem(f"the key {problem}", (*path, key)))
        else:
            data[str(key)] = _plain(item, (*path, key), problems)
    return data


def _plain_scalar(value: Any, path: KeyPath, problems: list[Problem]) -> Any:
    """Convert numpy scalars and subclasses of the plain types; report others."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        value = item()
    for plain_type in (bool, int, float):
        if isinstance(value, plain_type):
            return plain_type(value)
    kind = type(value).__name__
    problems.append(
        Problem(
            f"is of type {kind}; a series is described by text, numbers, booleans, lists and mappings", path
        )
    )
    return None
