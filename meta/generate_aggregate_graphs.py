"""Aggregate graphs of whole series: read everything, then compute and draw without the database.

``python -m meta.generate_aggregate_graphs SERIES...`` draws those series, without names all of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from database.errors import ExperimentsError
from database.models import ExperimentSeries
from database.session.lifecycle import configure, scoped_session
from experiments.series_file.models import SeriesFile
from meta.graphs.generation.series_graphs import GraphResult, draw_graphs
from meta.records.selection.chosen_series import choose_series


def generate_all_graphs(  # noqa: PLR0913 - each by its name
    session: Session,
    series: str | ExperimentSeries | Sequence[str | ExperimentSeries] | None = None,
    directory: Path | None = None,
    *,
    files: Iterable[SeriesFile] = (),
    where: str | None = None,
    force: bool = False,
    workers: int | None = None,
) -> list[GraphResult]:
    """Draw the graphs that series files request, or default ones where a file requests none.

    Each series is read in a snapshot of its own (`database.session.snapshot`), which ends before anything is
    computed or drawn; what was done on `session` before is committed. A figure that would be the same is not
    drawn again. A graph that cannot be drawn does not stop the others. Files of graphs that a series no
    longer requests are removed, if an earlier call wrote them and they were not changed since.

    Parameters
    ----------
    session : Session
        Of any kind.
    series : str, ExperimentSeries, or sequence of these, optional
        By default all series of the database.
    directory : Path, optional
        Where the files go; by default each series has its folder among the results.
    files : iterable of SeriesFile
        The series of these names get the graphs, tables, labels and units of these files, instead of those
        recorded when they were last created.
    where : str, optional
        An expression: only experiments that match it are drawn, in a folder of their own.
    force : bool
        Draw unchanged figures too.
    workers : int, optional
        How many processes draw at most, by default one per core; they are started when that is faster.

    Returns
    -------
    list of GraphResult
        In the order of the series and of their files.

    Raises
    ------
    NotFoundError
        There is no such series; nothing is drawn.
    ExpressionError
        `where` cannot be read, or has a name that one of the series does not have; nothing is drawn.
    """
    chosen = choose_series(session, series, directory, files=files, where=where)
    return draw_graphs(session, chosen, force=force, workers=workers)


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
