"""What a user may write for a series (its name, or the path of its file) and for some of its experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from database.models import ExperimentSeries
    from experiments.series_file.models import SeriesFile

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Chosen:
    """The series that a verb writes files of.

    Attributes
    ----------
    folders : mapping of str to Path or None
        Where the files of each series go, by its name; None is among the results.
    files : sequence of SeriesFile
        Those that series were named by.
    """

    folders: Mapping[str, Path | None]
    files: Sequence[SeriesFile]


def find_series(session: Session, written: str) -> ExperimentSeries:
    """Return the series of that name, or of the name in that series file.

    Raises
    ------
    NotFoundError
        The database has no such series; the message lists those it has.
    SeriesFileError
        The file cannot be used.
    """
    from database.errors import NotFoundError
    from database.queries import series_lookup

    try:
        return series_lookup.find_series(session, _name(written))
    except NotFoundError as error:
        if written.endswith(_SUFFIXES) and not Path(written).is_file():
            raise NotFoundError(f"{written}: there is no such file, and {error}") from error
        raise


def chosen_series(
    session: Session, series: Sequence[str], directory: Path | None, where: str | None
) -> Chosen:
    """Return the series that were named, or all, for verbs that take `--output` and `--where`.

    Raises
    ------
    NotFoundError, SeriesFileError
        As `find_series`.
    ExpressionError
        `where` cannot be read, or has a name that one of the series does not have.
    """
    from database.queries.overview import series_names
    from experiments.series_file.loading import load_series_file

    written = {one: find_series(session, one).name for one in series}
    names = list(dict.fromkeys(written.values())) or series_names(session)
    for name in names:
        where_condition(session, find_series(session, name), where)
    several = len(names) > 1  # their files may have the same names
    return Chosen(
        {name: directory / name if directory is not None and several else directory for name in names},
        [load_series_file(Path(one)).file for one, name in written.items() if one != name],
    )


def where_condition(
    session: Session, series: ExperimentSeries, where: str | None
) -> ColumnElement[bool] | None:
    """Return `--where` as a condition on experiments, None when it was not given.

    Raises
    ------
    ExpressionError
        It cannot be read, or has a name that the series does not have.
    """
    if where is None:
        return None
    from experiments.where import condition_of

    return condition_of(session, series, where)


def _name(written: str) -> str:
    path = Path(written)
    if "/" not in written and not (written.endswith(_SUFFIXES) and path.is_file()):
        return written
    from experiments.series_file.loading import load_series_file

    return load_series_file(path).file.name
