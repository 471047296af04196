"""Problems of a series file, reported together, each with its position."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from database.errors import ExperimentsError

#: The keys and list indices that lead from the top of a file to a place in it.
KeyPath = tuple[str | int, ...]
#: A path in the file, and the message about it.
PathMessage = tuple[KeyPath, str]

_LONGEST_KEY = 60
_LONGEST_PATH = 12
_LONGEST_LINE = 1000  # a value that it shows may have a megabyte
_MOST_SHOWN = 50
#: A check of a file ends at so many problems: to explain 80,000 unknown keys takes seconds.
MAX_PROBLEMS = 1000


@dataclass(frozen=True)
class Problem:
    """A problem at a place of a series file.

    Attributes
    ----------
    message : str
        The problem, and what to write instead.
    path : tuple of str and int
        The keys that lead to the place; empty for the whole file.
    line, column : int or None
        The place in the file, counted from 1; None when there is no file.
    """

    message: str
    path: KeyPath = ()
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return f"{path_text(self.path)}: {self.message}" if self.path else self.message


class SeriesFileError(ExperimentsError, ValueError):
    """A series file cannot be used; its message has one line for each of the first problems.

    Attributes
    ----------
    problems : tuple of Problem
        All of them, or the first `MAX_PROBLEMS` of a check, in the order of the file.
    file : str or None
        The file as the user named it; None when the series came from a mapping.
    """

    def __init__(self, problems: Iterable[Problem], file: str | None = None) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
        self.file = file
        super().__init__("\n".join(self._lines()))

    def __reduce__(self) -> tuple[type[SeriesFileError], tuple[object, ...]]:
        return type(self), (self.problems, self.file)

    def _lines(self) -> Iterable[str]:
        for problem in self.problems[:_MOST_SHOWN]:
            place = [] if self.file is None else [self.file]
            if place and problem.line is not None:
                place.append(str(problem.line))
            line = f"{':'.join(place)}: {problem}" if place else str(problem)
            yield line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 3]}..."
        if len(self.problems) > _MOST_SHOWN:
            at_least = "at least " if len(self.problems) >= MAX_PROBLEMS else ""
            yield f"... and {at_least}{len(self.problems) - _MOST_SHOWN} more"


def path_text(path: KeyPath) -> str:
    """Return a key path as text: ``graphs[0].hue``."""
    text = ""
    for part in path[:_LONGEST_PATH]:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = part if part.isprintable() and len(part) <= _LONGEST_KEY else ascii(part[:_LONGEST_KEY])
            text += f".{shown}" if text else shown
    return text if len(path) <= _LONGEST_PATH else f"{text}..."
