"""Everything about a series on one page: `report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meta.commands.support.arguments import chosen_series
from meta.commands.support.options import (
    database_option,
    drawing_workers_option,
    json_option,
    output_option,
    where_option,
)

if TYPE_CHECKING:
    from meta.report.generate import ReportProgress, ReportResult


@click.command(short_help="Write a page with graphs, tables and failures.")
@click.argument("series", nargs=-1)
@output_option
@drawing_workers_option
@click.option("--quiet", "-q", is_flag=True, help="Do not print on stderr what is drawn.")
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
    from meta.commands.support import printing
    from meta.report.generate import write_reports

    with scoped_session(read_only=True) as session:
        reports = write_reports(
            session,
            chosen_series(session, series, directory, where),
            workers=workers,
            on_progress=(lambda _progress: None) if quiet or as_json else _print_progress,
        )
    if as_json:
        printing.print_json([_data(result) for result in reports])
    for result in reports:
        for name, error in result.errors.items():
            click.echo(f"{result.series}: {name}: {error}", err=True)
        if not as_json:
            click.echo(str(result.path))
    context.exit(1 if any(result.errors for result in reports) else 0)


def _data(result: ReportResult) -> dict[str, Any]:
    return {
        "series": result.series,
        "path": result.path,
        "figures": [
            {"name": figure.name, "paths": figure.paths, "note": figure.note, "error": figure.error}
            for figure in result.figures
        ],
        "tables": [
            {"name": table.name, "paths": table.paths, "error": table.error} for table in result.tables
        ],
    }


def _print_progress(progress: ReportProgress) -> None:
    if progress.figure.error is None:  # errors are printed at the end
        place = f"[{progress.done}/{progress.count}]"
        click.echo(f"{place} {progress.series}: {progress.figure.name}: drawn", err=True)
