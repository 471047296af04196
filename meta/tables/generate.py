"""All tables of whole series: read everything, then compute and write without the database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from database.errors import ExperimentsError
from database.expressions import Expression
from database.models import ExperimentSeries
from experiments.output.results_folder import ResultsFolder, write_atomically
from experiments.series_file.models import SeriesFile
from experiments.series_file.sections.tables import TableFormat, TableSpec
from meta.graphs.provenance.file_names import distinct_names
from meta.graphs.provenance.manifest import OutputLocation
from meta.records.errors import GraphError
from meta.records.read_records import read_records
from meta.records.selection.chosen_series import ChosenSeries, choose_series, read_each
from meta.records.selection.subsets import read_subset, requested_subsets
from meta.records.series_records import SeriesRecords
from meta.records.step_counters import left_out_note, with_step_counters
from meta.tables.data.plan import default_tables
from meta.tables.data.table import Table, make_table
from meta.tables.formats.csv import comma_separated
from meta.tables.formats.html import html
from meta.tables.formats.latex import latex
from meta.tables.formats.markdown import markdown

_log = logging.getLogger(__name__)

#: Tables with their records, or the error.
Requested = Sequence[tuple[TableSpec, SeriesRecords | GraphError]]
_SUFFIXES: dict[TableFormat, str] = {"markdown": "md", "latex": "tex", "csv": "csv", "html": "html"}
_WRITERS: dict[TableFormat, Callable[[Table, str], str]] = {
    "markdown": lambda table, _: markdown(table),
    "latex": latex,
    "csv": lambda table, _: comma_separated(table),
    "html": lambda table, _: html(table),
}


@dataclass(frozen=True)
class TableResult:
    """The outcome of one table.

    Attributes
    ----------
    series : str
        The name of the series.
    name : str
        The name of the table, which its files have too.
    table : Table or None
        What was computed.
    paths : tuple of Path
        The files that were written.
    error : str or None
        Why there is no table, although it was requested or there is nothing to show yet.
    note : str or None
        What has no table, where none were requested.
    """

    series: str
    name: str
    table: Table | None = None
    paths: tuple[Path, ...] = ()
    error: str | None = None
    note: str | None = None


def generate_all_tables(
    session: Session,
    series: str | ExperimentSeries | Sequence[str | ExperimentSeries] | None = None,
    directory: Path | None = None,
    *,
    files: Iterable[SeriesFile] = (),
    where: str | None = None,
    formats: Sequence[TableFormat] = (),
) -> list[TableResult]:
    """Write the tables that series files request, or default ones where a file requests none.

    Each series is read completely in one snapshot, which ends before anything is computed or written. A
    table that cannot be made does not stop the others. Files of tables that a series no longer asks for are
    removed, if an earlier call wrote them and nobody changed them.

    Parameters
    ----------
    session : Session
        Best from ``scoped_session(read_only=True)``.
    series, directory, files, where
        As for `meta.generate_aggregate_graphs.generate_all_graphs`.
    formats : sequence of {"markdown", "latex", "csv", "html"}
        In place of those that the series files ask for.

    Returns
    -------
    list of TableResult
        In the order of the series and of their files; after default tables one with a note, if something
        has none.

    Raises
    ------
    NotFoundError
        There is no such series; nothing is written.
    ExpressionError
        `where` cannot be read, or has a name that one of the series does not have; nothing is written.
    """
    return write_tables(session, choose_series(session, series, directory, files=files, where=where), formats)


def write_tables(
    session: Session, chosen: Iterable[ChosenSeries], formats: Sequence[TableFormat] = ()
) -> list[TableResult]:
    """Write the tables of series as `generate_all_tables` does.

    Raises
    ------
    NotFoundError
        A series was deleted meanwhile.
    """
    return [
        result
        for series, (records, requested) in read_each(session, chosen, _read)
        for result in write_series_tables(
            records, requested, OutputLocation.of(series, ResultsFolder.tables), formats
        )
    ]


def _read(
    session: Session, series: ExperimentSeries, file: SeriesFile | None, condition: Expression | None
) -> tuple[SeriesRecords, Requested]:
    records = read_records(session, series, file, with_curves=False)
    common = read_subset(session, series, records, condition=condition)
    if not records.tables:
        common = with_step_counters(session, series, common)
    return common, requested_subsets(session, series, records, records.tables, condition=condition)


def write_series_tables(
    records: SeriesRecords,
    requested: Requested,
    location: OutputLocation,
    formats: Sequence[TableFormat] = (),
) -> list[TableResult]:
    """Write the tables that a series requests, or default ones where it requests none.

    Parameters
    ----------
    records : SeriesRecords
        For tables that the series file does not ask for.
    requested : sequence
        Each requested table, with its records or the error.
    location : OutputLocation
    formats : sequence of {"markdown", "latex", "csv", "html"}
        In place of the requested ones.
    """
    note = None
    if not requested:
        defaults = default_tables(records)
        requested, note = [(spec, records) for spec in defaults.specs], left_out_note(defaults.counting)
    specs = [spec for spec, _ in requested]
    if not (specs or note):
        only = "" if records.where is None else f", where {records.where},"
        missing = f"the series {records.name!r}{only} has no result with a finite number to show yet"
        return [TableResult(records.name, "tables", error=records.nothing_chosen() or missing)]
    names = distinct_names(
        [spec.name or _described(spec) for spec in specs], [spec.model_dump_json() for spec in specs]
    )
    results = [
        _table((spec, part), location.directory / name, series=records.name, formats=formats or spec.to)
        for (spec, part), name in zip(requested, names, strict=True)
    ]
    location.record(
        written={path: None for result in results for path in result.paths},
        names=[result.name for result in results],
    )
    return [*results, *([TableResult(records.name, "tables", note=note)] if note else [])]


def _described(spec: TableSpec) -> str:
    parts = [spec.y, "by", *spec.rows]
    return "-".join(["table", *parts, *(["per", *spec.columns] if spec.columns else [])])


def _table(
    requested: tuple[TableSpec, SeriesRecords | GraphError],
    stem: Path,
    *,
    series: str,
    formats: Sequence[TableFormat],
) -> TableResult:
    (spec, records), name = requested, stem.name
    try:
        if isinstance(records, GraphError):
            raise records
        table = make_table(spec, records)
        # Dots in a name do not begin a suffix.
        paths = tuple(stem.with_name(f"{name}.{_SUFFIXES[form]}") for form in formats)
        for path, form in zip(paths, formats, strict=True):
            write_atomically(path, _WRITERS[form](table, name).encode())
    except ExperimentsError as error:
        return TableResult(series, name, error=str(error))
    except OSError as error:
        return TableResult(series, name, error=f"it could not be written: {error}")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with this table, the others are still wanted
        _log.exception("%s: table %s could not be made", series, name)
        return TableResult(series, name, error=f"{type(error).__name__}: {error}")
    return TableResult(series, name, table, paths)
