"""Loading a series: from a file or a mapping to a checked `SeriesFile`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from database.engine.wrong_use import WrongUseError, described
from database.files.paths import current_folder, path_problem, what_is_no_file
from database.suggestions import nearest
from experiments.series_file.models import SeriesFile
from experiments.series_file.reading.document import Document, read_mapping
from experiments.series_file.reading.errors import KeyPath, Problem, SeriesFileError
from experiments.series_file.reading.yaml_reader import MAX_BYTES, read_yaml
from experiments.series_file.validation import validate

_SUFFIXES = frozenset({".yaml", ".yml"})


@dataclass(frozen=True)
class LoadedSeries:
    """A series that was read and checked, without its target.

    Attributes
    ----------
    file : SeriesFile
        The series file, defaults filled in.
    text : str or None
        The file as written; None for a mapping.
    path : Path or None
        The file, absolute; None for a mapping.
    directory : Path
        The base of its relative paths: the file's folder; for a mapping the current one.
    shown : str or None
        The file as the user named it; None for a mapping.
    """

    file: SeriesFile
    text: str | None
    path: Path | None
    directory: Path
    shown: str | None
    document: Document = field(repr=False, compare=False)

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Return a problem at a place of this series."""
        return self.document.problem(path, message)

    def parameter_path(self, name: str) -> KeyPath:
        """Return the keys of the section's entry that gives the parameter of this dotted name."""
        for axis in self.file.axes():
            for parameter in axis.parameters:
                if f"{name}.".startswith(f"{parameter.name}."):
                    entry = next(at for at, part in enumerate(parameter.path[1:], 2) if isinstance(part, str))
                    return parameter.path[:entry]
        return ()

    def error(self, problems: Iterable[Problem]) -> SeriesFileError:
        """Return the error with these problems of this series."""
        return SeriesFileError(problems, self.shown)


def load_series_file(source: Path | str | Mapping[str, Any]) -> LoadedSeries:
    """Read a series and check all that needs neither its target nor a database.

    Parameters
    ----------
    source : Path, str or mapping
        The path of a YAML file, or the data of such a file.

    Raises
    ------
    SeriesFileError
        All problems, each with its line, or for a mapping with the keys that lead there.
    WrongUseError
        Something else is given.
    """
    if isinstance(source, Mapping):
        return _checked(read_mapping(source), text=None, path=None, shown=None)
    if not isinstance(source, str | os.PathLike):
        raise WrongUseError(
            f"a series is given by the path of its file, or as a mapping, not by {described(source)}; of "
            "several, give each by itself"
        )
    path, shown = Path(source), str(source)
    content = _content(path, shown)
    try:
        document = read_yaml(content)
    except SeriesFileError as error:
        raise SeriesFileError(error.problems, shown) from error
    return _checked(document, text=content.decode("utf-8-sig"), path=path.resolve(), shown=shown)


def _checked(document: Document, *, text: str | None, path: Path | None, shown: str | None) -> LoadedSeries:
    file, problems = validate(document)
    if problems or file is None:
        raise SeriesFileError(problems, shown)
    directory = current_folder() if path is None else path.parent
    if problem := path_problem(path or directory):
        raise SeriesFileError([Problem(problem)], shown)
    return LoadedSeries(file, text, path, directory, shown, document)


def _content(path: Path, shown: str) -> bytes:
    """Read one byte more than the limit at most, which the reader refuses: how many follow is not known."""
    if kind := what_is_no_file(path):
        raise SeriesFileError([Problem(f"is {kind}, not a file; name a YAML file")], shown)
    if path.suffix == ".py" and path.exists():
        code = f"is Python code; name the YAML file that says `run: {path.name}:FUNCTION`"
        raise SeriesFileError([Problem(code)], shown)
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SeriesFileError([Problem(_missing(path))], shown) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise SeriesFileError([Problem(f"cannot be read: {error}")], shown) from error


def _missing(path: Path) -> str:
    """Return the message that a file is missing, with the nearest name in its folder."""
    if path.is_symlink():
        return "is a link to a file that is not there"
    try:
        names = [file.name for file in path.parent.iterdir() if file.suffix in _SUFFIXES]
    except OSError:
        return f"there is no folder {path.parent}"
    meant = nearest(path.name, names)
    return f"there is no such file; did you mean {path.parent / meant}?" if meant else "there is no such file"
