"""Reports of whole series: read everything, then draw and write without the database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from database.engine.registry import current_url
from database.errors import ExperimentsError, NotFoundError
from database.models import ExperimentSeries
from database.queries.series_lookup import chosen_series, find_series
from database.session.snapshots import snapshot
from database.settings import results_directory
from experiments.output.results_folder import ResultsFolder, write_atomically
from experiments.series_file.models import SeriesFile
from experiments.where import expression_of
from meta.graphs.generation.process_pool import Studio
from meta.graphs.provenance import manifest
from meta.graphs.provenance.file_names import folder_of
from meta.report.figures import Figure, draw_figures
from meta.report.page import Tables, render
from meta.report.records import ReportRecords, read_report
from meta.tables.data.default_tables import default_tables
from meta.tables.generate import Place, TableResult, write_tables

PAGE_NAME = "report.html"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """The figure of a series that is finished, how many are, and of how many."""

    series: str
    figure: Figure
    done: int
    count: int


@dataclass(frozen=True)
class ReportResult:
    """A report that was written.

    Attributes
    ----------
    series : str
        The name of the series.
    path : Path
        The page.
    figures : sequence of Figure
    tables : sequence of TableResult
    """

    series: str
    path: Path
    figures: Sequence[Figure]
    tables: Sequence[TableResult]

    @property
    def errors(self) -> dict[str, str]:
        """What the series asks for and the report does not have, by its name, with the reason."""
        errors = {one.name: one.error for one in self.figures} | {one.name: one.error for one in self.tables}
        return {name: error for name, error in errors.items() if error is not None}


def generate_reports(  # noqa: PLR0913 - each by its name
    session: Session,
    series: str | ExperimentSeries | Sequence[str | ExperimentSeries] | None = None,
    directory: Path | None = None,
    *,
    files: Iterable[SeriesFile] = (),
    where: str | None = None,
    workers: int | None = None,
    tell: Callable[[Progress], None] = lambda _progress: None,
) -> list[ReportResult]:
    """Write a report of each series: a page that needs nothing else, and a folder with what is on it.

    Each series is read in one snapshot, so that counts, graphs, tables and failures are of the same moment.
    Everything is drawn anew. A graph or table that cannot be made is told on the page. Files that an earlier
    report wrote, and this one does not have, are removed unless somebody changed them.

    Parameters
    ----------
    session : Session
        Of any kind; what was done on it before is committed.
    series : str, ExperimentSeries, or sequence of these, optional
        By default all series of the database.
    directory : Path, optional
        Where the files go; by default each series has its folder among the results.
    files : iterable of SeriesFile
        The series of these names get the graphs, tables, labels and units of these files, instead of those
        recorded when they were last created.
    where : str, optional
        An expression: the report is about experiments that it is true of, and has a folder of its own.
    workers : int, optional
        How many processes draw at most, by default one per core.
    tell : callable, optional
        Called with the `Progress` after each figure.

    Returns
    -------
    list of ReportResult
        In the order of the series.

    Raises
    ------
    NotFoundError
        There is no such series, or `where` is true of no experiment of one; nothing is written of that.
    ExpressionError
        `where` is none, or has a name that one of the series does not have; nothing is written.
    ExperimentsError
        The page cannot be written, or is that of another series.
    """
    folder = ResultsFolder(results_directory(current_url()))
    with snapshot(session):
        chosen = chosen_series(session, series)
        if where is not None:
            for one in chosen:
                expression_of(session, find_series(session, one.id), where)
    by_name = {file.name: file for file in files}
    results = []
    with Studio(workers) as studio:
        for one in chosen:
            with snapshot(session):
                records = read_report(session, find_series(session, one.id), by_name.get(one.name), where)
            own = folder_of(folder.report(one.folder), where)
            results.append(_write(records, Place(directory or own, one.folder), studio, tell))
    return results


def _write(
    records: ReportRecords, place: Place, studio: Studio, tell: Callable[[Progress], None]
) -> ReportResult:
    name, directory = records.series.name, place.directory
    where = records.graphs.where
    if where is not None and not records.graphs.common.configurations:
        raise NotFoundError(f"no experiment of {name!r} is one where {where}")
    page = directory / PAGE_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)  # before all is drawn in vain
    except OSError as error:
        raise ExperimentsError(f"{directory} cannot be written ({error.strerror})") from error
    others = manifest.owners(directory, PAGE_NAME) - {place.owner}
    if others:
        raise ExperimentsError(
            f"{page} is the report of another series ({', '.join(sorted(others))}); name another folder"
        )
    figures = draw_figures(
        records.graphs,
        directory / "figures",
        studio,
        lambda figure, done, count: tell(Progress(name, figure, done, count)),
    )
    tables = []
    if records.tables or default_tables(records.graphs.common):
        below = Place(directory / "tables", place.owner)
        tables = write_tables(records.graphs.common, records.tables, below)
    unasked = {} if records.tables else {one.name: one.error for one in tables if one.error}
    tables = [one for one in tables if one.name not in unasked]
    text = render(records, figures, Tables(tables, list(dict.fromkeys(unasked.values()))), directory)
    try:
        write_atomically(page, text.encode())
    except OSError as error:
        raise ExperimentsError(f"{page} cannot be written ({error.strerror})") from error
    written = [page, *(path for figure in figures.drawn for path in figure.paths)]
    try:
        removed = manifest.record(directory, place.owner, written=written, names=())
    except OSError as error:  # the report is there, and that is what was wanted
        _log.warning("%s: files of an earlier report may still lie in %s: %s", name, directory, error)
    else:
        for path in removed:
            _log.info("%s: removed %s, which the report no longer has", name, path)
    return ReportResult(name, page, figures.drawn, tables)
