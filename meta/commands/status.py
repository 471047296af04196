"""How far series are: `status`."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from meta.commands.support import printing
from meta.commands.support.arguments import SERIES, find_series
from meta.commands.support.options import Number, database_option, json_option

if TYPE_CHECKING:
    from database.queries.series_status import SeriesStatus

#: As they are printed, in the order an experiment has them.
STATUSES = ("pending", "running", "completed", "failed", "cancelled")


@click.command(short_help="Show how far series are.")
@click.argument("series", type=SERIES, required=False)
@click.option("--watch", is_flag=True, help="Show the progress until nothing of SERIES is left, or Ctrl-C.")
@click.option(
    "--interval",
    "interval_s",
    type=Number(0.1, 3600),
    metavar="SECONDS",
    help="Time between two updates of --watch; by default one second.",
)
@database_option()
@json_option
def status(series: str | None, *, watch: bool, interval_s: float | None, as_json: bool) -> None:
    """Show how far series are: counts per status, the rate, and why experiments failed.

    SERIES is a name or the path of a series file; by default all series are shown.
    """
    from database.queries.series_status import series_statuses
    from database.session.lifecycle import scoped_session

    if watch:
        if series is None:
            raise click.UsageError("--watch needs a SERIES", click.get_current_context())
        _watch(series, interval_s or 1.0, as_json=as_json)
        return
    if interval_s is not None:
        raise click.UsageError("--interval needs --watch", click.get_current_context())
    with scoped_session(read_only=True) as session:
        ids = None if series is None else [find_series(session, series).id]
        statuses = series_statuses(session, ids)
    if as_json:
        data = [_status_data(status) for status in statuses]
        printing.print_json(data if series is None else data[0])
    elif series is None:
        _print_overview(statuses)
    else:
        _print_status(statuses[0])


def _watch(series: str, every_s: float, *, as_json: bool) -> None:
    """Show the progress until the series has ended, then its status; Ctrl-C stops it at any time."""
    from database.queries.overview import series_summaries
    from database.queries.series_status import series_statuses
    from database.session.lifecycle import scoped_session
    from experiments.progress.displays import display_on
    from experiments.progress.tracker import watch_series
    from meta.commands.support.exit_codes import writing_to_stdout

    with scoped_session(read_only=True) as session:
        [summary] = series_summaries(session, [find_series(session, series).id])
    display = display_on(sys.stdout, "json" if as_json else "live", every_s)
    with contextlib.suppress(KeyboardInterrupt), writing_to_stdout():
        watch_series(summary, display, every_s)
        with scoped_session(read_only=True) as session:
            for status in series_statuses(session, [summary.id]):  # none when it was deleted
                if as_json:
                    display.end(_status_data(status))
                else:
                    _print_status(status)


def _status_data(status: SeriesStatus) -> dict[str, Any]:
    summary = status.summary
    return {
        "series": summary.name,
        "folder": summary.folder,
        "state": summary.state,
        "version": summary.version,
        "priority": summary.priority,
        "paused": summary.paused,
        "notes": summary.notes,
        "changed_by": summary.changed_by,
        "changed_at": summary.changed_at,
        "experiments": summary.counts.experiments,
        **dataclasses.asdict(summary.counts),
        **{own.name: getattr(status, own.name) for own in dataclasses.fields(status)[1:]},
    }


def _print_overview(statuses: Sequence[SeriesStatus]) -> None:
    columns = [printing.Column("series"), printing.Column("experiments", right=True)]
    ordered = any(status.summary.priority for status in statuses)
    rare = {"running", "failed", "cancelled", "retired"}
    columns += [printing.Column(name, right=True, sparse=name in rare) for name in (*STATUSES, "retired")]
    columns += [printing.Column("priority", right=True)] if ordered else []
    columns += [printing.Column("last activity", free=True)]
    printing.print_table(
        columns,
        [
            [
                status.summary.name,
                status.summary.counts.experiments,
                *(getattr(status.summary.counts, name) for name in STATUSES),
                status.summary.counts.retired,
                *([status.summary.priority] if ordered else []),
                status.last_activity,
            ]
            for status in statuses
        ],
    )


def _print_status(status: SeriesStatus) -> None:
    summary, counts = status.summary, status.summary.counts
    at_work = status.runners and status.rate_per_s is not None
    printing.print_facts(
        {
            "series": summary.name,
            "folder": summary.folder if summary.folder != summary.name else None,
            "state": "being created" if summary.state == "creating" else None,
            "priority": summary.priority or None,
            # Not "paused by": the last change may have been of the notes.
            "paused": f"yes (last changed by {summary.changed_by})" if summary.paused else None,
            "notes": summary.notes or None,
            "experiments": counts.experiments,
            **{name: getattr(counts, name) for name in STATUSES},
            "delayed": _with_time(status) if status.delayed else None,
            "failed": _with_outcomes(counts.failed, status.failures),
            "retired": f"{counts.retired} (no longer in the file: kept, not run)" if counts.retired else None,
            "runners at work": status.runners,
            "last activity": status.last_activity,
            "rate": f"{status.rate_per_s:.3g} experiments/s" if at_work else None,
            "time left": None if status.remaining_s is None else printing.duration(status.remaining_s),
        }
    )
    if summary.counters_are_wrong:
        click.echo("statuses were changed with SQL: `experiments database check --repair` counts again")
    for line in _mixed(status):
        click.echo(line)
    if status.failures:
        click.echo(f"`experiments failures {summary.name}` groups them by cause")
    if counts.cancelled:
        with_them = f"{summary.name} --status cancelled"
        click.echo(
            f"`experiments list {with_them}` shows what was cancelled, "
            f"`experiments retry {with_them}` brings it back"
        )
    if summary.paused:
        click.echo(f"`experiments edit {summary.name} --resume` resumes it")
    elif counts.pending and not status.runners:
        click.echo(f"`experiments run {summary.name}` runs what is pending")


def _mixed(status: SeriesStatus) -> Iterator[str]:
    """Yield in what completed experiments differ besides their parameters and seeds."""
    from experiments.supervisor.edit_notice import retry_command

    name, completed = status.summary.name, status.summary.counts.completed
    if status.other_code:
        yield f"{status.other_code:,} of {completed:,} completed experiments ran other code than the last"
        yield (
            f"{retry_command(name)} makes them pending again, "
            f"`experiments run {shlex.quote(name)} --accept-code` takes all code as one"
        )
    if len(status.threads) > 1:
        numbers = " and ".join(map(str, status.threads))
        yield f"completed experiments ran with different numbers of threads ({numbers})"
    if status.unknown_code:
        condition = 'experiment.code == "unknown"'
        yield f"of earlier experiments code and threads were not recorded (`--where '{condition}'`)"


def _with_time(status: SeriesStatus) -> str:
    return f"{status.delayed} to be tried again, the first at {printing.shown_value(status.first_due_at)}"


def _with_outcomes(failed: int, outcomes: dict[str, int]) -> str:
    from database.models.outcome import count_text

    parts = ", ".join(count_text(outcome, number) for outcome, number in outcomes.items())
    seen = sum(outcomes.values())
    which = "" if seen == failed else f"of the last {seen}: "
    return f"{failed} ({which}{parts})" if parts else str(failed)
