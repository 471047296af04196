"""Aggregate graphs of whole series: read everything, then compute and draw without the database.

``python -m meta.generate_aggregate_graphs SERIES...`` draws those series, without names all of them.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from database.engine import current_url
from database.errors import ExperimentsError
from database.models import ExperimentSeries
from database.session import commit_part, configure, scoped_session
from database.settings import results_directory
from experiments.results_folder import ResultsFolder
from experiments.series_file.graphs import GraphSpec
from experiments.series_file.models import SeriesFile
from experiments.series_lookup import chosen_series, find_series
from meta.graphs import index
from meta.graphs.defaults import default_graphs
from meta.graphs.drawing import make_figure, write_figure
from meta.graphs.errors import GraphError
from meta.graphs.naming import file_names
from meta.graphs.records import SeriesRecords, read_records

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GraphResult:
    """What became of one graph.

    Attributes
    ----------
    series : str
        The name of the series.
    name : str
        The name of the graph, which its files have too.
    paths : tuple of Path
        The files that were written.
    error : str or None
        Why there are none, although they were asked for or there is nothing to draw yet.
    note : str or None
        Why there are none, where nobody asked for this graph.
    """

    series: str
    name: str
    paths: tuple[Path, ...] = ()
    error: str | None = None
    note: str | None = None


def generate_all_graphs(
    session: Session,
    series: str | ExperimentSeries | Sequence[str | ExperimentSeries] | None = None,
    directory: Path | None = None,
    *,
    files: Iterable[SeriesFile] = (),
) -> list[GraphResult]:
    """Draw the graphs that series files ask for, or sensible ones where a file asks for none.

    A series is read completely, then `session` is committed, so that no snapshot stays open while
    anything is computed or drawn. A graph that cannot be drawn does not stop the others. Files of graphs
    that a series no longer asks for are removed, if an earlier call wrote them and nobody changed them.

    Parameters
    ----------
    session : Session
        Best from ``scoped_session(read_only=True)``.
    series : str, ExperimentSeries, or sequence of these, optional
        By default all series of the database.
    directory : Path, optional
        Where the files go; by default each series has its folder among the results.
    files : iterable of SeriesFile
        The series of these names get the graphs, labels and units of these files, instead of those
        recorded when they were last created.

    Returns
    -------
    list of GraphResult
        In the order of the series and of their files.

    Raises
    ------
    NotFoundError
        There is no such series; nothing is drawn.
    """
    folder = ResultsFolder(results_directory(current_url()))
    chosen = chosen_series(session, series)
    by_name = {file.name: file for file in files}
    results: list[GraphResult] = []
    for one in chosen:
        records = read_records(session, find_series(session, one.id), by_name.get(one.name))
        commit_part(session)
        place = _Place(directory or folder.graphs(one.folder), one.folder)
        results += _series_graphs(records, place)
    return results


@dataclass(frozen=True)
class _Place:
    """Where the graphs of a series go, and what the index there calls the series: its name may change."""

    directory: Path
    owner: str


def _series_graphs(records: SeriesRecords, place: _Place) -> list[GraphResult]:
    if records.specs:
        return _graphs(records.specs, records, place)
    found = default_graphs(records)
    if not (found.specs or found.skipped):
        error = f"the series {records.name!r} has neither metrics nor numeric results to draw yet"
        return [GraphResult(records.name, "graphs", error=error)]
    results = _graphs(found.specs, records, place)
    if found.skipped:
        note = (
            f"not drawn: {', '.join(map(repr, found.skipped))}; the configurations differ in so much "
            "that no graph of all of them is legible. Series of fewer configurations can be drawn"
        )
        _log.info("%s: %s", records.name, note)
        results.append(GraphResult(records.name, "graphs", note=note))
    return results


def _graphs(specs: Sequence[GraphSpec], records: SeriesRecords, place: _Place) -> list[GraphResult]:
    directory = place.directory
    results = [
        _graph(spec, records, directory, name) for spec, name in zip(specs, file_names(specs), strict=True)
    ]
    try:
        removed = index.record(
            directory,
            place.owner,
            written=[path for result in results for path in result.paths],
            graphs=[result.name for result in results],
        )
    except OSError as error:  # the graphs are there, and that is what was wanted
        _log.warning("%s: graphs no longer asked for may still lie in %s: %s", records.name, directory, error)
        return results
    for path in removed:
        _log.info("%s: removed %s, which the series no longer asks for", records.name, path)
    return results


def _graph(spec: GraphSpec, records: SeriesRecords, directory: Path, name: str) -> GraphResult:
    try:
        figure = make_figure(spec, records)
        paths = write_figure(figure, directory, name, formats=spec.formats, theme=spec.theme)
    except GraphError as error:
        _log.warning("%s: graph %s: %s", records.name, name, error)
        return GraphResult(records.name, name, error=str(error))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with this graph, the others are still wanted
        _log.exception("%s: graph %s could not be drawn", records.name, name)
        return GraphResult(records.name, name, error=f"{type(error).__name__}: {error}")
    return GraphResult(records.name, name, paths=paths)


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the graphs of the series named in `argv`; return 1 when one could not be drawn."""
    parser = argparse.ArgumentParser(prog="python -m meta.generate_aggregate_graphs", description=__doc__)
    parser.add_argument("series", nargs="*", help="names of series; by default all")
    parser.add_argument("--database", help="URL of the database; by default EXPERIMENTS_DATABASE_URL")
    parser.add_argument("--directory", type=Path, help="where the files go; by default among the results")
    arguments = parser.parse_args(argv)
    try:
        if arguments.database:
            configure(arguments.database)
        with scoped_session(read_only=True) as session:
            results = generate_all_graphs(session, arguments.series or None, arguments.directory)
    except ExperimentsError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    for result in results:
        for path in result.paths:
            sys.stdout.write(f"{path}\n")
        if result.error or result.note:
            sys.stderr.write(f"{result.series}: {result.name}: {result.error or result.note}\n")
    return 1 if any(result.error for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
