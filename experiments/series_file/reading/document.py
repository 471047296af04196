"""Plain data with the position of each part in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from experiments.series_file.reading.errors import KeyPath, Problem


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
    """

    data: dict[str, Any]
    positions: Mapping[KeyPath, Position] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

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
