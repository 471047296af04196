"""Plain data with the position of each part in the file, and such data read from a Python mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from database.errors import InvalidValueError
from database.models import exact_json
from experiments.series_file.reading.errors import KeyPath, Problem

#: Deeper structures are refused; in Python they are assumed to contain themselves.
MAX_DEPTH = 50


class Position(NamedTuple):
    """A place in a file, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Document:
    """The data of a series file, and the problems of reading it.

    Attributes
    ----------
    data : dict
        Mappings, lists, text, numbers, booleans and None; keys are text.
    positions : mapping of key path to Position
        Of the keys of mappings and the items of lists; empty when the data came from no file.
    problems : tuple of Problem
        Those after which reading could continue.
    foreign_words : mapping of key path to str
        Problems that unquoted texts such as ``None`` are where a parameter's value is meant.
    """

    data: dict[str, Any]
    positions: Mapping[KeyPath, Position] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    foreign_words: Mapping[KeyPath, str] = field(default_factory=dict)

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Return a problem at the position of `path`, or of the nearest key above it that is in the file."""
        for length in range(len(path), -1, -1):
            position = self.positions.get(path[:length])
            if position is not None:
                return Problem(message, path, position.line, position.column)
        return Problem(message, path)


def text_problem(text: str) -> str | None:
    """Return why a text cannot be stored in a database; None when it can."""
    if "\0" in text:
        return "contains a NUL character, which databases cannot store"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "contains half of a surrogate pair, which is no character"
    return None


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
        value = str.__str__(value)  # that of a subclass may be another text
        if problem := text_problem(value):
            problems.append(Problem(problem, path))
        return value
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
    try:
        plain = exact_json.to_plain(value)
    except InvalidValueError:
        plain = None
    if exact_json.is_number(plain):
        return exact_json.from_plain(plain)
    kind = type(value).__name__
    problems.append(
        Problem(
            f"is of type {kind}; a series is described by text, numbers, booleans, lists and mappings", path
        )
    )
    return None
