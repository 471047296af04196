"""All tables of whole series: read everything, then compute and write without the database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from database.engine.registry import current_url
from database.errors import ExperimentsError
from database.models import ExperimentSeries
from database.queries.series_lookup import chosen_series, find_series
from database.session.snapshots import snapshot
from database.settings import results_directory
from experiments.output.results_folder import ResultsFolder, write_atomically
from experiments.series_file.models import SeriesFile
from experiments.series_file.sections.tables import TableFormat, TableSpec
from experiments.where import expression_of
from meta.graphs.provenance import manifest
from meta.graphs.provenance.file_names import distinct, folder_of
from meta.records.errors import GraphError
from meta.records.series_records import SeriesRecords, read_records
from meta.records.subsets import read_or_refuse, read_subset
from meta.tables.data.default_tables import default_tables
from meta.tables.data.table import Table, make_table
from meta.tables.formats.csv import comma_separated
from meta.tables.formats.html import html
from meta.tables.formats.latex import latex
from meta.tables.formats.markdown import markdown

_log = logging.getLogger(__name__)

#: Tables with what they are made from, or why there is nothing.
Asked = Sequence[tuple[TableSpec, SeriesRecords | GraphError]]
_SUFFIXES: dict[TableFormat, str] = {"markdown": "md", "latex": "tex", "csv": "csv", "html": "html"}
_WRITERS: dict[TableFormat, Callable[[Table, str], str]] = {
    "markdown": lambda table, _: markdown(table),
    "latex": latex,
    "csv": lambda table, _: comma_separated(table),
    "html": lambda table, _: html(table),
}


@dataclass(frozen=True)
class TableResult:
    """What became of one table.

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
        Why there is none.
    """

    series: str
    name: str
    table: Table | None = None
    paths: tuple[Path, ...] = ()
    error: str | None = None


def generate_all_tables(
    session: Session,
    series: str | ExperimentSeries | Sequence[str | ExperimentSeries] | None = None,
    directory: Path | None = None,
    *,
    files: Iterable[SeriesFile] = (),
    where: str | None = None,
    formats: Sequence[TableFormat] = (),
) -> list[TableResult]:
    """Write the tables that series files ask for, or sensible ones where a file asks for none.

    Each series is read completely in one snapshot, which ends before anything is computed or written. A
    table that cannot be made does not stop the others. Files of tables that a series no longer asks for are
    removed, if an earlier call wrote them and nobody changed them.

    Parameters
    ----------
    session : Session
        Best from ``scoped_session(read_only=True)``.
    series : str, ExperimentSeries, or sequence of these, optional
        By default all series of the database.
    directory : Path, optional
        Where the files go; by default each series has its folder among the results.
    files : iterable of SeriesFile
        The series of these names get the tables, labels and units of these files, instead of those
        recorded when they were last created.
    where : str, optional
        An expression: only experiments that it is true of, in a folder of their own.
    formats : sequence of {"markdown", "latex", "csv", "html"}
        In place of those that the series files ask for.

    Returns
    -------
    list of TableResult
        In the order of the series and of their files.

    Raises
    ------
    NotFoundError
        There is no such series; nothing is written.
    ExpressionError
        `where` is none, or has a name that one of the series does not have; nothing is written.
    """
    folder = ResultsFolder(results_directory(current_url()))
    by_name = {file.name: file for file in files}
    with snapshot(session):
        chosen = chosen_series(session, series)
        if where is not None:
            for one in chosen:
                expression_of(session, find_series(session, one.id), where)
    results: list[TableResult] = []
    for one in chosen:
        with snapshot(session):
            found = find_series(session, one.id)
            records = read_records(session, found, by_name.get(one.name), with_curves=False)
            asked = [
                (spec, read_or_refuse(session, found, records, [spec.where, where]))
                for spec in records.tables
            ]
            common = read_subset(session, found, records, [where])
        place = Place(directory or folder_of(folder.tables(one.folder), where), one.folder)
        results += write_tables(common, asked, place, formats)
    return results


@dataclass(frozen=True)
class Place:
    """Where the tables of a series go, and what the index there calls the series: its name may change."""

    directory: Path
    owner: str


def write_tables(
    records: SeriesRecords, asked: Asked, place: Place, formats: Sequence[TableFormat] = ()
) -> list[TableResult]:
    """Write the tables that a series asks for, or sensible ones where it asks for none.

    Parameters
    ----------
    records : SeriesRecords
        For tables that the series file does not ask for.
    asked : sequence
        Each table that it asks for, with its records, or why there are none.
    place : Place
    formats : sequence of {"markdown", "latex", "csv", "html"}
        In place of those asked for.
    """
    asked = asked or [(spec, records) for spec in default_tables(records)]
    specs = [spec for spec, _ in asked]
    if not specs:
        only = "" if records.where is None else f", where {records.where},"
        error = f"the series {records.name!r}{only} has no completed experiment with a numeric result yet"
        return [TableResult(records.name, "tables", error=error)]
    names = distinct(
        [spec.name or _described(spec) for spec in specs], [one.model_dump_json() for one in specs]
    )
    results = [
        _table((spec, part), place.directory / name, series=records.name, formats=formats or spec.to)
        for (spec, part), name in zip(asked, names, strict=True)
    ]
    try:
        manifest.record(
            place.directory,
            place.owner,
            written=[path for result in results for path in result.paths],
            names=[result.name for result in results],
        )
    except OSError as error:  # the tables are there, and that is what was wanted
        _log.warning(
            "%s: tables no longer asked for may still lie in %s: %s", records.name, place.directory, error
        )
    return results


def _described(spec: TableSpec) -> str:
    parts = [spec.y, "by", *spec.rows]
    return "-".join(["table", *parts, *(["per", *spec.columns] if spec.columns else [])])


def _table(
    asked: tuple[TableSpec, SeriesRecords | GraphError],
    stem: Path,
    *,
    series: str,
    formats: Sequence[TableFormat],
) -> TableResult:
    (spec, records), name = asked, stem.name
    try:
        if isinstance(records, GraphError):
            raise records
        table = make_table(spec, records)
        # A name may have dots, which are no suffix.
        paths = tuple(stem.with_name(f"{name}.{_SUFFIXES[one]}") for one in formats)
        for path, one in zip(paths, formats, strict=True):
            write_atomically(path, _WRITERS[one](table, name).encode())
    except ExperimentsError as error:
        return TableResult(series, name, error=str(error))
    except OSError as error:
        return TableResult(series, name, error=f"it could not be written: {error}")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with this table, the others are still wanted
        _log.exception("%s: table %s could not be made", series, name)
        return TableResult(series, name, error=f"{type(error).__name__}: {error}")
    return TableResult(series, name, table, paths)
