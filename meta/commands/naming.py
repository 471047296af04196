"""What a user may write for a series (its name, or the path of its file) and for some of its experiments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from database.models import ExperimentSeries

_SUFFIXES = (".yaml", ".yml")


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
    from experiments import series_lookup

    try:
        return series_lookup.find_series(session, _name(written))
    except NotFoundError as error:
        if written.endswith(_SUFFIXES) and not Path(written).is_file():
            raise NotFoundError(f"{written}: there is no such file, and {error}") from error
        raise


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
    from experiments.selecting import condition_of

    return condition_of(session, series, where)


def _name(written: str) -> str:
    path = Path(written)
    if "/" not in written and not (written.endswith(_SUFFIXES) and path.is_file()):
        return written
    from experiments.series_file.loading import load_series_file

    return load_series_file(path).file.name
