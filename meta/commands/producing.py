"""Figures, pages and files from the database: `graphs`, `report`, `export`."""

from __future__ import annotations

import dataclasses
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meta.commands.support import printing
from meta.commands.support.arguments import SERIES, chosen_series, find_series, none_of, where_condition
from meta.commands.support.options import (
    State,
    database_option,
    drawing_workers_option,
    json_option,
    output_option,
    quiet_option,
    where_option,
)

if TYPE_CHECKING:
    from meta.graphs.generation.series_graphs import GraphProgress, GraphResult
    from meta.report.generate import ReportResult


@click.command(short_help="Draw aggregate graphs.")
@click.argument("series", type=SERIES, nargs=-1)
@output_option
@click.option("--force", is_flag=True, help="Draw unchanged figures too.")
@drawing_workers_option
@quiet_option
@where_option
@database_option()
@json_option
@click.pass_context
def graphs(  # noqa: PLR0913 - an argument for each option
    context: click.Context,
    series: tuple[str, ...],
    directory: Path | None,
    *,
    force: bool,
    workers: int | None,
    quiet: bool,
    where: str | None,
    as_json: bool,
) -> None:
    """Draw the aggregate graphs of SERIES (by default of all) as PNG and SVG files.

    A figure is left as it is if drawing it again would give the same.

    Given the path of a series file, its current graphs and metrics are used.
    """
    from database.session.lifecycle import scoped_session
    from meta.graphs.generation.series_graphs import draw_graphs

    _suppress_warnings(context)
    with scoped_session(read_only=True) as session:
        results = draw_graphs(
            session,
            chosen_series(session, series, directory, where),
            force=force,
            workers=workers,
            on_progress=(lambda _progress: None) if quiet or as_json else _print_progress,
        )
    if as_json:
        printing.print_json([_graph_data(result) for result in results])
    for result in results:
        if result.error or (result.note and not quiet):
            told = f"{result.series}: {result.name}: {result.error or result.note}"
            click.echo(printing.printable_lines(told), err=True)
        if not (result.error or as_json or quiet):
            for path in result.paths:
                click.echo(str(path))
    context.exit(1 if any(result.error for result in results) else 0)


def _graph_data(result: GraphResult) -> dict[str, Any]:
    """Return a graph with what is said about it, which its files have as metadata."""
    from meta.graphs.provenance.file_metadata import read_origin

    told = read_origin(result.paths[0]).note if result.paths else None
    return {**dataclasses.asdict(result), "told": told}


def _print_progress(progress: GraphProgress) -> None:
    result = progress.result
    if result.error is None:  # errors are printed at the end
        done = "unchanged" if result.unchanged else "drawn"
        click.echo(f"[{progress.done}/{progress.count}] {result.series}: {result.name}: {done}", err=True)


def _suppress_warnings(context: click.Context) -> None:
    """Suppress the library's warnings about failing graphs: the command prints them itself."""
    logger = logging.getLogger("meta.graphs.generation.series_graphs")
    state = context.ensure_object(State)

    def passes(_record: logging.LogRecord) -> bool:
        return state.verbose

    logger.addFilter(passes)
    context.call_on_close(lambda: logger.removeFilter(passes))


@click.command(short_help="Write a page with graphs, tables and failures.")
@click.argument("series", type=SERIES, nargs=-1)
@output_option
@drawing_workers_option
@quiet_option
@where_option
@database_option()
@json_option
@click.pass_context
def report(  # noqa: PLR0913 - an argument for each option
    context: click.Context,
    series: tuple[str, ...],
    directory: Path | None,
    *,
    workers: int | None,
    quiet: bool,
    where: str | None,
    as_json: bool,
) -> None:
    """Write a report of each SERIES (by default of all): one HTML file that needs no network.

    It shows how complete the series is, its graphs and tables, parameters, failures by cause and the
    environment. Beside it lie the figures, each with a data.csv of its numbers, and the tables.

    Given the path of a series file, its current graphs, tables and metrics are used.
    """
    from database.session.lifecycle import scoped_session
    from meta.report.generate import write_reports

    with scoped_session(read_only=True) as session:
        reports = write_reports(
            session,
            chosen_series(session, series, directory, where),
            workers=workers,
            on_progress=(lambda _progress: None) if quiet or as_json else _print_progress,
        )
    if as_json:
        printing.print_json([_report_data(result) for result in reports])
    for result in reports:
        for name, error in result.errors.items():
            click.echo(printing.printable_lines(f"{result.series}: {name}: {error}"), err=True)
        if not (as_json or quiet):
            click.echo(str(result.path))
    context.exit(1 if any(result.errors for result in reports) else 0)


def _report_data(result: ReportResult) -> dict[str, Any]:
    return {
        "series": result.series,
        "path": result.path,
        "figures": [
            {
                "name": figure.name,
                "paths": figure.paths,
                "note": figure.below,
                "details": figure.beside,
                "error": figure.error,
            }
            for figure in result.figures
        ],
        "tables": [
            {"name": table.name, "paths": table.paths, "error": table.error} for table in result.tables
        ],
    }


@click.command(short_help="Write experiments as CSV or JSON.")
@click.argument("series", type=SERIES)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="Of the file.",
)
@click.option(
    "--output",
    "written",
    metavar="FILE",
    type=click.Path(dir_okay=False, readable=False, allow_dash=True),
    default="-",
    help="Where to write; by default, and with -, to stdout.",
)
@where_option
@database_option()
def export(series: str, form: str, written: str, where: str | None) -> None:
    """Write the experiments of SERIES with their parameters and results, one row each."""
    from database.session.lifecycle import scoped_session
    from meta.commands.support.exit_codes import writing_to_stdout
    from meta.export import FORMATS, replacing

    with scoped_session(read_only=True) as session:
        exported = find_series(session, series)
        condition = where_condition(session, exported, where)
        if written == "-":
            with writing_to_stdout():
                count = FORMATS[form](session, exported.id, sys.stdout, condition)
        else:
            with replacing(Path(written)) as stream:
                count = FORMATS[form](session, exported.id, stream, condition)
        missing = None if count else none_of(session, exported, where, condition)
    if missing:
        click.echo(printing.printable(missing), err=True)
    if written != "-":
        click.echo(f"wrote {written}", err=True)
