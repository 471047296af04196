"""Loading a series: from a file or a mapping to a checked `SeriesFile`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from database.suggestions import nearest
from experiments.output.paths import objection_to_path
from experiments.series_file.models import SeriesFile
from experiments.series_file.reading.document import Document
from experiments.series_file.reading.errors import KeyPath, Problem, SeriesFileError
from experiments.series_file.reading.mapping_reader import read_mapping
from experiments.series_file.reading.yaml_reader import MAX_BYTES, UnreadableError, read_yaml
from experiments.series_file.validation import validate

_SUFFIXES = frozenset({".yaml", ".yml"})


@dataclass(frozen=True)
class LoadedSeries:
    """A series that was read and checked by itself; its target was not looked at.

    Attributes
    ----------
    file : SeriesFile
        What it says, every default filled in.
    text : str or None
        The file as written; None when it came from a mapping.
    path : Path or None
        Where the file lies, absolute.
    directory : Path
        What its paths are relative to: the file's folder, or the current one for a mapping.
    shown : str or None
        The file as the user named it.
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
        """Return where the parameter of this dotted name is given."""
        for section, given in (("fixed", self.file.fixed), ("grid", self.file.grid)):
            for key in given:
                if f"{name}.".startswith(f"{key}."):
                    return section, key
        return ()

    def error(self, problems: Iterable[Problem]) -> SeriesFileError:
        """Return the error that tells these problems of this series."""
        return SeriesFileError(problems, self.shown)


def load_series_file(source: Path | str | Mapping[str, Any]) -> LoadedSeries:
    """Read a series and check everything that needs neither its target nor a database.

    Parameters
    ----------
    source : Path, str or mapping
        The path of a YAML file, or what such a file would contain.

    Raises
    ------
    SeriesFileError
        All problems at once, each with its line (of a mapping: the keys that lead there).
    """
    if isinstance(source, Mapping):
        return _checked(read_mapping(source), text=None, path=None, shown=None)
    path, shown = Path(source), str(source)
    content = _content(path, shown)
    try:
        document = read_yaml(content)
    except UnreadableError as error:
        raise SeriesFileError([error.problem], shown) from error
    return _checked(document, text=content.decode("utf-8-sig"), path=path.resolve(), shown=shown)


def _checked(document: Document, *, text: str | None, path: Path | None, shown: str | None) -> LoadedSeries:
    file, problems = validate(document)
    if problems or file is None:
        raise SeriesFileError(problems, shown)
    directory = Path.cwd() if path is None else path.parent
    if found := objection_to_path(path or directory):
        raise SeriesFileError([Problem(found)], shown)
    return LoadedSeries(file, text, path, directory, shown, document)


def _content(path: Path, shown: str) -> bytes:
    """Read at most a little more than the limit: the reader refuses the rest."""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise SeriesFileError([Problem(_missing(path))], shown) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise SeriesFileError([Problem(f"cannot be read: {error}")], shown) from error


def _missing(path: Path) -> str:
    """Say that a file is missing, and which one beside it may be meant."""
    try:
        names = [found.name for found in path.parent.iterdir() if found.suffix in _SUFFIXES]
    except OSError:
        return f"there is no folder {path.parent}"
    found = nearest(path.name, names)
    return f"there is no such file; did you mean {path.parent / found}?" if found else "there is no such file"
