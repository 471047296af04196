"""Changing what is recorded: `retry`, `cancel`, `release`, `edit`, `delete`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from experiments.units import many, them
from meta.commands.support import printing
from meta.commands.support.arguments import SERIES, find_series, none_of, results_folder, where_condition
from meta.commands.support.options import (
    EXPERIMENT_ID,
    OUTCOME,
    WholeNumber,
    database_option,
    json_option,
    where_option,
)

_experiment_option = click.option(
    "--experiment",
    "experiment_ids",
    type=EXPERIMENT_ID,
    multiple=True,
    metavar="ID",
    help="Only this experiment; may be given several times.",
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from database.models import ExperimentSeries, Outcome
    from database.series.selection import Selection


@click.command(short_help="Make experiments that ended pending again.")
@click.argument("series", type=SERIES)
@click.option(
    "--status",
    "statuses",
    type=click.Choice(["failed", "cancelled", "completed"]),
    multiple=True,
    default=["failed"],
    show_default=True,
    help="Which experiments; may be given several times.",
)
@click.option(
    "--outcome",
    type=OUTCOME,
    help="Only those whose last attempt ended so, such as timed_out.",
)
@_experiment_option
@where_option
@click.option("--yes", is_flag=True, help="Replace results without asking.")
@database_option()
@json_option
def retry(  # noqa: PLR0913 - one for each option
    series: str,
    statuses: tuple[str, ...],
    outcome: Outcome | None,
    experiment_ids: tuple[int, ...],
    *,
    where: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Make failed experiments of SERIES pending again; their attempts stay recorded.

    The limits of `execute.retries` count again from here. Delayed retries are due at once. Completed
    experiments (`--status completed`) lose their results, which are kept with the attempt: `show` has them,
    and no graph or table counts them.
    """
    from database.models import ExperimentStatus
    from database.queries.experiment_rows import experiments
    from database.series import retry_and_delete
    from database.series.selection import count
    from database.session.lifecycle import scoped_session
    from database.session.transactions import run_in_transaction

    name, series_id, selection = _find(series, experiment_ids, where, outcome)
    wanted = [ExperimentStatus(status) for status in statuses]
    if ExperimentStatus.COMPLETED in wanted and not yes:
        with scoped_session(read_only=True) as session:
            completed = count(session, series_id, selection, ExperimentStatus.COMPLETED)
        if completed:
            whose = "Its" if completed == 1 else "Their"
            _confirm(
                f"{name}: run {completed:,} completed again? {whose} results count no longer",
                refused="nothing was retried",
                instead="use --yes to retry without asking",
            )
    retried = run_in_transaction(retry_and_delete.retry, series_id, wanted, selection=selection)
    only_retired = False
    if not (retried.retried or retried.expedited) and selection.is_everything():
        with scoped_session(read_only=True) as session:
            only_retired = any(
                row.retired for status in statuses for row in experiments(session, series_id, status=status)
            )
    if as_json:
        printing.print_json({"series": name, "retried": retried.retried, "hurried": retried.expedited})
        return
    click.echo(f"{name}: {retried.retried:,} pending again")
    if not (retried.retried or retried.expedited):
        _explain_nothing(series_id, where, selection, statuses)
    if retried.expedited:
        click.echo(f"{retried.expedited:,} delayed, now due at once")
    if retried.retried or retried.expedited:
        click.echo(f"`experiments run {name}` runs {them(retried.retried + retried.expedited)}")
    if only_retired:
        click.echo(
            f"those that are {' or '.join(statuses)} are retired: the series file no longer names them"
        )


@click.command(short_help="Take experiments out, also running ones.")
@click.argument("series", type=SERIES)
@click.option(
    "--status",
    "statuses",
    type=click.Choice(["pending", "running", "failed"]),
    multiple=True,
    default=["pending", "running"],
    show_default=True,
    help="Which experiments; may be given several times.",
)
@_experiment_option
@where_option
@database_option()
@json_option
def cancel(
    series: str,
    statuses: tuple[str, ...],
    experiment_ids: tuple[int, ...],
    *,
    where: str | None,
    as_json: bool,
) -> None:
    """Take experiments of SERIES out; `retry --status cancelled` brings them back.

    Those that run are ended by their runner within about a second, and what they still return is refused.
    """
    from database.models import ExperimentStatus
    from database.series import cancel_and_release
    from database.session.transactions import run_in_transaction

    name, series_id, selection = _find(series, experiment_ids, where)
    wanted = [ExperimentStatus(status) for status in statuses]
    cancelled = run_in_transaction(cancel_and_release.cancel, series_id, wanted, selection=selection)
    total = cancelled.unowned + cancelled.revoked
    if as_json:
        printing.print_json({"series": name, "cancelled": total, "taken_from_workers": cancelled.revoked})
        return
    click.echo(f"{name}: {total:,} cancelled")
    if not total:
        _explain_nothing(series_id, where, selection, statuses)
    if cancelled.revoked:
        held = "was claimed by a worker, whose runner ends it if it runs"
        if cancelled.revoked > 1:
            held = "were claimed by workers, whose runners end the running ones"
        click.echo(f"{cancelled.revoked:,} of them {held}")
    if total:
        click.echo(f"`experiments retry {name} --status cancelled` brings {them(total)} back")


@click.command(short_help="Release the experiments of dead runners.")
@click.argument("series", type=SERIES)
@click.option("--runner", metavar="ID", help="Only those of this runner: its id, or the beginning of it.")
@_experiment_option
@where_option
@click.option("--force", is_flag=True, help="Also those of runners that are alive; running ones are ended.")
@database_option()
@json_option
def release(
    series: str,
    runner: str | None,
    experiment_ids: tuple[int, ...],
    *,
    where: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Make the experiments of SERIES that dead runners claimed pending again.

    A runner on this machine counts as dead when its process is gone, one elsewhere when it has missed
    two heartbeats. Without this command they are released when the lease of the runner ends.
    """
    from database.errors import ExperimentsError
    from database.series import cancel_and_release
    from database.session.transactions import run_in_transaction
    from experiments.supervisor.recovery import release_dead

    name, series_id, selection = _find(series, experiment_ids, where)
    released_here = 0
    if runner is None and selection.is_everything():
        released_here = release_dead(series_id, results_folder())
    released = run_in_transaction(
        cancel_and_release.release, series_id, runner=runner, selection=selection, force=force
    )
    total = released_here + released.experiments
    if released.kept and not total:
        alive = released.kept[0]
        raise ExperimentsError(
            f"{alive} is alive: {alive.alive}. Stop it, or release its experiments with --force: those that "
            "run are ended and tried again"
        )
    if as_json:
        facts = {
            "series": name,
            "released": total,
            "runners": [taken.runner_id for taken in released.from_],
            "kept": [
                {"runner": kept.runner_id, "experiments": kept.experiments, "alive": kept.alive}
                for kept in released.kept
            ],
        }
        printing.print_json(facts)
        return
    click.echo(f"{name}: {total:,} released")
    if not total:
        _explain_nothing(series_id, where, selection)
    for taken in released.from_:
        click.echo(f"taken from {taken}")
    for kept in released.kept:
        click.echo(f"{kept} keeps {kept.experiments}: {kept.alive}; --force takes them too")


@click.command(short_help="Rename a series, order it before others, pause it, or note something.")
@click.argument("series", type=SERIES)
@click.option("--name", metavar="NEW", help="What it is called from now on; its results stay where they are.")
@click.option(
    "--priority",
    type=int,
    metavar="N",
    help="From -1000 to 1000: of several series that are run together, the one with the highest is next.",
)
@click.option("--notes", metavar="TEXT", help="What to remember about it, in place of what was noted before.")
@click.option(
    "--pause/--resume",
    "paused",
    default=None,
    help="Let workers finish what they have claimed and claim nothing more; or let them go on.",
)
@click.option(
    "--version",
    type=WholeNumber(1),
    metavar="N",
    help="Only if it is still of this version, as `status --json` showed it.",
)
@database_option()
@json_option
def edit(series: str, *, version: int | None, as_json: bool, **changes: Any) -> None:
    """Change the name, priority and notes of SERIES, pause it or resume it.

    Refused, with the name of who was faster, when somebody else changed it meanwhile.
    """
    from database.series.editing import SeriesEdit, edit_series
    from database.session.lifecycle import scoped_session

    if all(value is None for value in changes.values()):
        raise click.UsageError("nothing to change: give --name, --priority, --notes, --pause or --resume")
    with scoped_session() as session:
        edited_series = find_series(session, series)
        before = edited_series.name
        edited = edit_series(session, edited_series.id, SeriesEdit(**changes), version=version)
    facts = {
        "series": edited.name,
        "folder": edited.folder,
        "version": edited.version,
        "priority": edited.priority,
        "paused": edited.paused,
        "notes": edited.notes,
        "changed_by": edited.changed_by,
        "changed_at": edited.changed_at,
    }
    if as_json:
        printing.print_json(facts)
    else:
        shown = {**facts, "folder": edited.folder if edited.folder != edited.name else None}
        printing.print_facts({name.replace("_", " "): value for name, value in shown.items()})
    if edited.name != before:
        click.echo(_about_file(edited, before, written=series), err=True)


def _about_file(series: ExperimentSeries, before: str, *, written: str) -> str:
    """Return what to do about the file, or the program, that describes a renamed series."""
    otherwise = f"or running it creates a new series {before}"
    if series.source is None:
        return f"change the name in the mapping that describes it to {series.name}, {otherwise}"
    file = written if written != before else f"its series file (in {series.source_path})"
    return f"change `name: {before}` in {file} to `name: {series.name}`, {otherwise}"


@click.command(short_help="Delete a series and all its records.")
@click.argument("series", type=SERIES)
@click.option("--yes", is_flag=True, help="Delete without asking.")
@database_option()
@json_option
def delete(series: str, *, yes: bool, as_json: bool) -> None:
    """Delete SERIES with everything recorded of it, and its logs, files and graphs.

    Refused while a runner works on it.
    """
    from database.queries.overview import series_summaries
    from database.series import retry_and_delete
    from database.session.lifecycle import scoped_session
    from database.session.transactions import run_in_transaction
    from experiments.output.results_folder import remove_results

    with scoped_session(read_only=True) as session:
        [summary] = series_summaries(session, [find_series(session, series).id])
    counts = summary.counts
    if not yes:
        total = counts.experiments + counts.retired
        _confirm(
            f"Delete {summary.name}: {many(total, 'experiment')}, {counts.completed:,} of them completed?",
            refused="nothing was deleted",
            instead="use --yes to delete without asking",
        )
    deleted = run_in_transaction(retry_and_delete.delete_series, summary.id)
    remove_results(results_folder(), summary.folder)
    if as_json:
        printing.print_json({"series": summary.name, "deleted": deleted})
    else:
        click.echo(f"{summary.name}: {many(deleted, 'experiment')} deleted")


def _find(
    series: str, experiment_ids: tuple[int, ...], where: str | None, outcome: Outcome | None = None
) -> tuple[str, int, Selection]:
    """Return the name and the id of a series, and the selection of its experiments.

    Without retries: where no server answers, the command fails at once. The transaction that follows is
    retried after a deadlock or a lost connection.
    """
    from database.series.selection import Selection, require_of_series
    from database.session.lifecycle import scoped_session

    with scoped_session(read_only=True) as session:
        named = find_series(session, series)
        selection = Selection(experiment_ids, outcome, where_condition(session, named, where))
        require_of_series(session, named.id, selection)
        return named.name, named.id, selection


def _explain_nothing(
    series_id: int, where: str | None, selection: Selection, statuses: Sequence[str] = ()
) -> None:
    """Print why `--where` chose nothing, unless other options may have."""
    if where is None:
        return
    only_where = replace(selection, where=None).is_everything()
    from database.queries.series_lookup import find_series
    from database.session.lifecycle import scoped_session

    with scoped_session(read_only=True) as session:
        missing = none_of(
            session,
            find_series(session, series_id),
            where,
            selection.where,
            statuses=statuses if only_where else (),
            retired=False,
        )
    if missing:
        click.echo(printing.printable(missing))


def _confirm(question: str, *, refused: str, instead: str) -> None:
    from database.errors import ExperimentsError

    try:
        agreed = click.confirm(question, err=True)
    except click.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            raise ExperimentsError(f"{refused}: no answer; {instead}") from None
        raise
    if not agreed:
        raise ExperimentsError(refused)
