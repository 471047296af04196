"""Series, and the experiments of one: `list`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import click

from meta.commands.status import STATUSES
from meta.commands.support import printing
from meta.commands.support.arguments import SERIES, find_series, none_of, where_condition
from meta.commands.support.options import WholeNumber, database_option, json_option, where_option

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from database.queries.experiment_rows import ExperimentRow
    from experiments.columns import NamedColumn

#: How many experiments are printed as text.
DEFAULT_LIMIT = 50


@click.command("list", short_help="List the series, or the experiments of one.")
@click.argument("series", type=SERIES, required=False)
@click.option("--status", "wanted", type=click.Choice(STATUSES), help="Only experiments with this status.")
@where_option
@click.option(
    "--columns",
    metavar="NAME,NAME...",
    help="What is shown of each experiment: names as in --where, such as id,status,optimizer.lr,accuracy; "
    "also started_at, finished_at, parameters and results.",
)
@click.option(
    "--limit",
    type=WholeNumber(1),
    help=f"At most so many experiments; by default {DEFAULT_LIMIT}, and with --json all.",
)
@database_option()
@json_option
def list_(
    series: str | None,
    wanted: str | None,
    limit: int | None,
    *,
    where: str | None,
    columns: str | None,
    as_json: bool,
) -> None:
    """List the series; with SERIES, its experiments, configuration by configuration.

    SERIES is a name or the path of a series file.
    """
    from database.queries.experiment_rows import experiments
    from database.session.lifecycle import scoped_session
    from experiments.series_file.axes import fixed_names

    with scoped_session(read_only=True) as session:
        if series is None:
            for option, given in (("--status", wanted), ("--where", where), ("--columns", columns)):
                if given is not None:
                    raise click.UsageError(f"{option} needs a SERIES", click.get_current_context())
            _list_series(session, as_json=as_json)
            return
        listed_series = find_series(session, series)
        condition = where_condition(session, listed_series, where)
        chosen = None
        if columns is not None:
            from experiments.columns import columns_of

            chosen = columns_of(session, listed_series, columns)
        most = limit if as_json else (limit or DEFAULT_LIMIT) + 1
        rows = list(experiments(session, listed_series.id, status=wanted, where=condition, limit=most))
        statuses = [wanted] if wanted else []
        missing = None if rows else none_of(session, listed_series, where, condition, statuses=statuses)
    if as_json:
        printing.print_json(rows if chosen is None else [_values(row, chosen) for row in rows])
        return
    if missing:
        click.echo(printing.printable(missing))
        return
    limit = limit or DEFAULT_LIMIT
    if chosen is None:
        _print_experiments(rows[:limit], fixed_names(listed_series.resolved))
    else:
        _print_columns(rows[:limit], chosen)
    if len(rows) > limit:
        click.echo(f"there are more than {limit}; --limit shows more", err=True)


def _values(experiment: ExperimentRow, columns: Sequence[NamedColumn]) -> dict[str, Any]:
    return {column.title: column.value(experiment) for column in columns}


def _print_columns(experiments: Sequence[ExperimentRow], columns: Sequence[NamedColumn]) -> None:
    """Print the chosen columns; of a group of names, one for each name in it."""
    single = [leaf for column in columns for leaf in column.leaves(experiments)]
    rows = [[column.value(experiment) for column in single] for experiment in experiments]
    shown = [
        [
            printing.parameter_value(value) if column.is_parameter else value
            for column, value in zip(single, row, strict=True)
        ]
        for row in rows
    ]
    heads = [
        printing.Column(column.title, right=all(_is_number(row[place]) for row in rows))
        for place, column in enumerate(single)
    ]
    printing.print_table(heads, shown)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _list_series(session: Session, *, as_json: bool) -> None:
    from database.queries.overview import series_summaries

    summaries = series_summaries(session)
    if as_json:
        printing.print_json(
            [
                {
                    "series": summary.name,
                    "description": summary.description,
                    "tags": summary.tags,
                    "target": summary.target,
                    "created_at": summary.created_at,
                    "priority": summary.priority,
                    "experiments": summary.counts.experiments,
                    "completed": summary.counts.completed,
                }
                for summary in summaries
            ]
        )
        return
    ordered = any(summary.priority for summary in summaries)
    columns = [printing.Column("series"), printing.Column("experiments", right=True)]
    columns += [
        printing.Column("completed", right=True),
        *([printing.Column("priority", right=True)] if ordered else []),
        printing.Column("created", free=True),
        printing.Column("description", free=True),
    ]
    printing.print_table(
        columns,
        [
            [
                summary.name,
                summary.counts.experiments,
                summary.counts.completed,
                *([summary.priority] if ordered else []),
                summary.created_at,
                summary.description,
            ]
            for summary in summaries
        ],
    )


def _short_results(results: Any) -> dict[str, Any]:
    """Return the results that fit a line, and the last value of metrics that no result is called like."""
    from experiments.parameters import flatten_recorded

    named = flatten_recorded(results)
    shown = {}
    for name, value in named.items():
        if name.startswith("metrics."):
            metric, _, statistic = name.removeprefix("metrics.").rpartition(".")
            if statistic != "last" or metric in named:
                continue
        if value is None or isinstance(value, str | int | float):
            shown[name] = value
    return shown


def _print_experiments(experiments: Sequence[ExperimentRow], fixed: Collection[str]) -> None:
    """Print one line per experiment: the parameters that vary, and the results that fit a line."""
    from experiments.parameters import flatten_recorded

    columns = [printing.Column("id", right=True), printing.Column("status")]
    columns += [printing.Column("repetition", right=True), printing.Column("attempts", right=True)]
    columns += [
        printing.Column("duration", right=True),
        printing.Column("parameters", free=True),
        printing.Column("results", free=True),
    ]
    rows = []
    for experiment in experiments:
        status = f"{experiment.status} (retired)" if experiment.retired else experiment.status
        if experiment.status == "failed" and experiment.outcome is not None:
            status = f"failed ({experiment.outcome})"
        named = flatten_recorded(experiment.parameters)
        varying = {name: value for name, value in named.items() if name not in fixed}
        rows.append(
            [
                experiment.id,
                status,
                experiment.repetition,
                experiment.attempts,
                printing.duration(experiment.duration_s),
                printing.pairs(varying, printing.parameter_value),
                printing.pairs(_short_results(experiment.results)),
            ]
        )
    printing.print_table(columns, rows)
