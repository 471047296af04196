"""The series chosen for graphs, tables or reports: looked up once, each read in its own snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy.orm import Session

from database.expressions import Expression
from database.models import ExperimentSeries
from database.queries.series_lookup import find_series, find_several
from database.session.lifecycle import snapshot
from experiments.series_file.models import SeriesFile
from experiments.where import expression_of

_Records = TypeVar("_Records")


@dataclass(frozen=True)
class ChosenSeries:
    """A series that was chosen; it may be renamed before it is read.

    Attributes
    ----------
    id : int
    name : str
    folder : str
        Its folder among the results, which keeps its name when the series is renamed.
    directory : Path or None
        Where the files go; by default into that folder.
    file : SeriesFile or None
        Replaces the recorded graphs, tables, labels and units.
    where : Expression or None
        Only experiments that match it.
    """

    id: int
    name: str
    folder: str
    directory: Path | None = None
    file: SeriesFile | None = None
    where: Expression | None = None


def choose_series(
    session: Session,
    series: str | ExperimentSeries | Sequence[str | ExperimentSeries] | None,
    directory: Path | None = None,
    *,
    files: Iterable[SeriesFile] = (),
    where: str | None = None,
) -> list[ChosenSeries]:
    """Return one series, several without repeats, or (None) all of the database by name.

    Parameters
    ----------
    session : Session
        What was done on it before is committed.
    series : str, ExperimentSeries, sequence of these, or None
    directory : Path, optional
        Where the files of all of them go.
    files : iterable of SeriesFile
        For the series of these names.
    where : str, optional
        An expression.

    Raises
    ------
    NotFoundError
        There is no such series.
    ExpressionError
        `where` cannot be read, or has a name that one of the series does not have.
    """
    by_name = {file.name: file for file in files}
    with snapshot(session):
        return [
            ChosenSeries(
                member.id,
                member.name,
                member.folder,
                directory,
                by_name.get(member.name),
                None if where is None else expression_of(session, member, where),
            )
            for member in find_several(session, series)
        ]


def read_each(
    session: Session,
    chosen: Iterable[ChosenSeries],
    read: Callable[[Session, ExperimentSeries, SeriesFile | None, Expression | None], _Records],
) -> Iterator[tuple[ChosenSeries, _Records]]:
    """Read one series after the other; yield each with what `read` returns of it.

    No graph, table or report shows two series, so each has a snapshot of its own: a common one would need
    all of them in memory, and would delay the database's vacuum (or checkpoints) for as long.

    Raises
    ------
    NotFoundError
        A series was deleted meanwhile.
    """
    for series in chosen:
        with snapshot(session):
            records = read(session, find_series(session, series.id), series.file, series.where)
        yield series, records
