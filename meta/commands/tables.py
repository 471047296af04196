"""Numbers of whole series: `table`, `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meta.commands.support import printing
from meta.commands.support.arguments import SERIES, chosen_series, find_series
from meta.commands.support.options import (
    SPLITS,
    Number,
    database_option,
    json_option,
    output_option,
    where_option,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.series_file.models import ResampledSection
    from meta.comparison import ValueComparison
    from meta.tables.data.table import Table
    from meta.tables.generate import TableResult


@click.command(short_help="Write tables of means with intervals.")
@click.argument("series", type=SERIES, nargs=-1)
@click.option(
    "--to",
    "formats",
    metavar="FORMAT",
    type=click.Choice(["markdown", "latex", "csv", "html"]),
    multiple=True,
    help="Of the files: markdown, latex, csv or html; may be repeated. By default those of the series file.",
)
@output_option
@where_option
@database_option()
@json_option
@click.pass_context
def table(
    context: click.Context,
    series: tuple[str, ...],
    formats: tuple[Any, ...],
    directory: Path | None,
    *,
    where: str | None,
    as_json: bool,
) -> None:
    """Write the tables of SERIES (by default of all) to files, and print them.

    Given the path of a series file, its current tables and metrics are used.
    """
    from database.session.lifecycle import scoped_session
    from meta.tables.generate import write_tables

    with scoped_session(read_only=True) as session:
        results = write_tables(session, chosen_series(session, series, directory, where), formats)
    if as_json:
        printing.print_json([_data(result) for result in results])
    for result in results:
        if result.error:
            click.echo(printing.printable_lines(f"{result.series}: {result.name}: {result.error}"), err=True)
        elif result.note:
            click.echo(printing.printable_lines(f"{result.series}: {result.name}: {result.note}"), err=True)
        elif result.table is not None and not as_json:
            _print(result.table, result.paths)
    context.exit(1 if any(result.error for result in results) else 0)


def _data(result: TableResult) -> dict[str, Any]:
    from meta.tables.formats.csv import cell_records

    table = result.table
    return {
        "series": result.series,
        "name": result.name,
        "paths": result.paths,
        "error": result.error,
        "note": result.note,
        "title": table and table.title,
        "result": table and table.plan.y.key,
        "test": (table and table.marks.test) or None,
        "comparisons": table and table.marks.comparisons,
        "notes": table and table.notes,
        "cells": list(cell_records(table)) if table else [],
    }


@click.command(short_help="Compare values of a parameter.")
@click.argument("series", type=SERIES)
@click.option("--of", "of", metavar="PARAMETER", required=True, help="Whose values are compared.")
@click.option("--on", "on", metavar="RESULT", required=True, help="A result, or a metric (its last value).")
@click.option(
    "--over",
    metavar="PARAMETER",
    multiple=True,
    help="Average over it: each repetition counts once; may be repeated.",
)
@click.option("--baseline", metavar="VALUE", help="Compare all others with this value only.")
@click.option(
    "--paired/--unpaired",
    default=None,
    help="Whether repetitions with the same seed are compared with each other; by default if there are any.",
)
@click.option(
    "--strata",
    metavar="PARAMETER",
    multiple=True,
    help="Between its values an equal seed means nothing in common; may be repeated.",
)
@click.option(
    "--splits",
    metavar="TEST/TRAIN",
    type=SPLITS,
    help="Repetitions are resampled splits of one data set: the sizes of test and training set, as 45/105.",
)
@click.option(
    "--simultaneous",
    is_flag=True,
    help="Show intervals too that together hold all differences (Bonferroni).",
)
@click.option(
    "--level",
    metavar="LEVEL",
    type=Number(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Of the intervals; a p of at most 1 less this counts as a difference.",
)
@where_option
@database_option()
@json_option
def compare(  # noqa: PLR0913 - one for each option
    series: str,
    of: str,
    on: str,
    *,
    over: tuple[str, ...],
    baseline: str | None,
    paired: bool | None,
    strata: tuple[str, ...],
    splits: ResampledSection | None,
    simultaneous: bool,
    level: float,
    where: str | None,
    as_json: bool,
) -> None:
    """Compare the values of a parameter of SERIES two by two.

    Per pair: the difference with its interval, an effect size, the corrected p, what that means in words, and
    how many more seeds would decide.
    """
    from database.session.lifecycle import scoped_session
    from experiments.where import expression_of
    from meta.comparison import compare_values
    from meta.records.read_records import read_records
    from meta.records.selection.subsets import read_subset

    with scoped_session(read_only=True) as session:
        chosen = find_series(session, series)
        records = read_subset(
            session,
            chosen,
            read_records(session, chosen, with_curves=False),
            condition=None if where is None else expression_of(session, chosen, where),
        )
    comparison = compare_values(
        records,
        of,
        on,
        over=over,
        baseline=baseline,
        paired=paired,
        strata=strata or None,
        resampled=splits,
        level=level,
    )
    if as_json:
        printing.print_json(_compared_data(comparison))
    else:
        _print_comparison(comparison, simultaneous=simultaneous)


def _compared_data(comparison: ValueComparison) -> dict[str, Any]:
    from meta import comparison_text

    pairs: list[dict[str, Any]] = []
    for pair in comparison.pairs:
        pairs.append(
            {
                "first": pair.first,
                "second": pair.second,
                "left_out": pair.readings.left_out,
                "without": pair.without,
            }
        )
        if pair.result is None:
            continue
        result = pair.result
        pairs[-1] |= {
            "n": (len(pair.readings.first), len(pair.readings.second)),
            "configurations": pair.readings.blocks,
            "means": (result.difference.first, result.difference.second),
            "difference": result.difference.estimate,
            "low": result.difference.low,
            "high": result.difference.high,
            "interval": result.difference.method,
            "degrees_of_freedom": result.difference.degrees,
            "simultaneous_low": result.simultaneous.low,
            "simultaneous_high": result.simultaneous.high,
            "cliffs_delta": result.effects.cliffs_delta,
            "mean_cliffs_delta": pair.mean_delta,
            "a12": result.effects.a12,
            "hedges_g": result.effects.hedges_g,
            "p": result.significance.p_value,
            "corrected_p": result.corrected_p,
            "differs": result.is_significant,
            "more_seeds": pair.more_seeds,
            "verdict": comparison_text.conclusion(pair, result, comparison),
        }
    return {
        "series": comparison.series,
        "of": comparison.of,
        "where": comparison.where,
        "on": comparison.on.key,
        "goal": comparison.on.label.goal,
        "over": comparison.over,
        "paired": comparison.paired,
        "strata": comparison.strata,
        "splits": comparison.resampled and comparison.resampled.model_dump(),
        "test": comparison.compared[0].significance.test,
        "comparisons": len(comparison.compared),
        "level": comparison.level,
        "simultaneous_level": comparison.simultaneous_level,
        "notes": comparison.notes,
        "pairs": pairs,
    }


def _print_comparison(comparison: ValueComparison, *, simultaneous: bool) -> None:
    from meta import comparison_text

    for line in comparison_text.preamble(comparison, simultaneous=simultaneous):
        click.echo(printing.printable(line))
    click.echo()
    heads = comparison_text.heads(comparison, simultaneous=simultaneous)
    rows = [comparison_text.row(pair, comparison, simultaneous=simultaneous) for pair in comparison.pairs]
    printing.print_table(
        [printing.Column("pair"), *(printing.Column(head, right=True) for head in heads)], rows
    )
    click.echo()
    for pair in comparison.pairs:
        for line in comparison_text.sentences(pair, comparison):
            click.echo(printing.printable(line))
    for note in comparison.notes:
        click.echo(printing.printable(note))


def _print(shown: Table, paths: Sequence[Path]) -> None:
    click.echo(printing.printable(shown.title))
    group = shown.group_head()
    columns = [printing.Column(head) for head in shown.row_heads()]
    columns += [
        printing.Column(f"{group} = {label}" if group and place == 0 else label, right=True)
        for place, label in enumerate(map(shown.column_label, shown.cells.columns))
    ]
    printing.print_table(columns, _rows(shown))
    click.echo(f"\n{printing.printable(' '.join(shown.notes))}")
    for path in paths:
        click.echo(f"wrote {path}")
    click.echo()


def _rows(shown: Table) -> list[list[str]]:
    from meta.tables.formats.cell_text import PLAIN, cell_text

    rows = []
    for row in shown.cells.rows:
        places = [(row, column) for column in shown.cells.columns]
        cells = [(place, cell_text(shown, place, PLAIN)) for place in places]
        marked = [printing.Bold(text) if place in shown.marks.best else text for place, text in cells]
        rows.append([*shown.row_labels(row), *marked])
    return rows
