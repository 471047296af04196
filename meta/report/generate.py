"""Reports of whole series: read everything, then draw and write without the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from database.errors import ExperimentsError, NotFoundError
from database.models import ExperimentSeries
from experiments.output.results_folder import ResultsFolder, write_atomically
from experiments.series_file.models import SeriesFile
from meta.graphs.generation.process_pool import DrawingPool
from meta.graphs.generation.series_graphs import GraphProgress
from meta.graphs.provenance.manifest import OutputLocation
from meta.records.selection.chosen_series import ChosenSeries, choose_series, read_each
from meta.report.figures import Figure, draw_figures
from meta.report.page import render
from meta.report.records import ReportRecords, read_report
from meta.tables.data.plan import default_tables
from meta.tables.generate import TableResult, write_series_tables

PAGE_NAME = "report.html"


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
        """Why requested graphs and tables are not in the report, by name."""
        parts: list[Figure | TableResult] = [*self.figures, *self.tables]
        return {part.name: part.error for part in parts if part.error is not None}


def generate_reports(  # noqa: PLR0913 - each by its name
    session: Session,
    series: str | ExperimentSeries | Sequence[str | ExperimentSeries] | None = None,
    directory: Path | None = None,
    *,
    files: Iterable[SeriesFile] = (),
    where: str | None = None,
    workers: int | None = None,
    on_progress: Callable[[GraphProgress], None] = lambda _progress: None,
) -> list[ReportResult]:
    """Write a report of each series: a self-contained page, and a folder with its figures and tables.

    Each series is read in one snapshot, so that counts, graphs, tables and failures are of the same moment.
    Everything is drawn anew. A graph or table that cannot be made is named on the page, with the reason.
    Files that an earlier report wrote, and this one does not have, are removed unless somebody changed them.

    Parameters
    ----------
    session : Session
        Of any kind; what was done on it before is committed.
    series, directory, files, where
        As for `meta.generate_aggregate_graphs.generate_all_graphs`.
    workers : int, optional
        How many processes draw at most, by default one per core.
    on_progress : callable, optional
        Called after each figure.

    Returns
    -------
    list of ReportResult
        In the order of the series.

    Raises
    ------
    NotFoundError
        There is no such series, or `where` is true of no experiment of one; nothing is written of that.
    ExpressionError
        `where` cannot be read, or has a name that one of the series does not have; nothing is written.
    ExperimentsError
        The page cannot be written, or is that of another series.
    """
    chosen = choose_series(session, series, directory, files=files, where=where)
    return write_reports(session, chosen, workers=workers, on_progress=on_progress)


def write_reports(
    session: Session,
    chosen: Iterable[ChosenSeries],
    *,
    workers: int | None = None,
    on_progress: Callable[[GraphProgress], None] = lambda _progress: None,
) -> list[ReportResult]:
    """Write the reports of series as `generate_reports` does.

    Raises
    ------
    NotFoundError
        `where` is true of no experiment of one, or it was deleted meanwhile; nothing is written of that.
    ExperimentsError
        The page cannot be written, or is that of another series.
    """
    with DrawingPool(workers) as pool:
        return [
            _write(records, OutputLocation.of(series, ResultsFolder.report), pool, on_progress)
            for series, records in read_each(session, chosen, read_report)
        ]


def _write(
    records: ReportRecords,
    location: OutputLocation,
    pool: DrawingPool,
    on_progress: Callable[[GraphProgress], None],
) -> ReportResult:
    name, directory = records.series["name"], location.directory
    if missing := records.graphs.common.nothing_chosen():
        raise NotFoundError(missing)
    page = directory / PAGE_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)  # before all is drawn in vain
    except OSError as error:
        raise ExperimentsError(f"{directory} cannot be written ({error.strerror})") from error
    others = location.other_owners(PAGE_NAME)
    if others:
        raise ExperimentsError(
            f"{page} is the report of another series ({', '.join(sorted(others))}); name another folder"
        )
    figures = draw_figures(records.graphs, directory / "figures", pool, on_progress)
    tables = []
    defaults = default_tables(records.graphs.common)
    if records.tables or defaults.specs or defaults.counting:
        below = OutputLocation(directory / "tables", location.owner)
        tables = write_series_tables(records.graphs.common, records.tables, below)
    # Default tables that cannot be made are no errors: a note gives the reason.
    notes = [] if records.tables else [note for table in tables if (note := table.error or table.note)]
    made = tables if records.tables else [table for table in tables if table.table]
    text = render(records, figures, made, directory, table_notes=list(dict.fromkeys(notes)))
    try:
        write_atomically(page, text.encode())
    except OSError as error:
        raise ExperimentsError(f"{page} cannot be written ({error.strerror})") from error
    location.record(dict.fromkeys([page, *(path for figure in figures.drawn for path in figure.paths)]))
    return ReportResult(name, page, figures.drawn, made)
