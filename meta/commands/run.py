"""Running series: `run`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.units import many
from meta.commands.support import printing
from meta.commands.support.options import DURATION, Number, State, WholeNumber, database_option, json_option

if TYPE_CHECKING:
    from experiments.creation import Created
    from experiments.run.summary import RunSummary

#: Those of `experiments.progress.displays.choose_display`, which `--help` does not import.
PROGRESS_MODES = ("auto", "live", "plain", "json", "none")


@click.command(short_help="Create series or extend them, and run what is pending.")
@click.argument(
    "sources", metavar="FILE-or-SERIES...", type=click.Path(readable=False), nargs=-1, required=True
)
@click.option(
    "--workers",
    type=WholeNumber(0, 4096),
    metavar="N",
    help="Worker processes; 0 runs everything in this process, for debuggers. "
    "By default execute.workers of the file, else one per core.",
)
@click.option(
    "--grace",
    "grace_s",
    type=Number(0),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="How long running experiments may go on after SIGTERM or SIGHUP.",
)
@click.option(
    "--canary",
    is_flag=True,
    help="Run one experiment of each configuration first, and stop if one of them fails.",
)
@click.option(
    "--max-time",
    "max_time_s",
    type=DURATION,
    metavar="DURATION",
    help="Start no experiment that would probably take longer, and stop those that still run then: "
    "3600, 90m, 1h30m.",
)
@click.option(
    "--accept-code",
    is_flag=True,
    help="Record that you accept the code on disk and all that the series has run as one.",
)
@click.option("--quiet", "-q", "progress", flag_value="none", help="Show no progress.")
@click.option(
    "--progress",
    type=click.Choice(PROGRESS_MODES),
    default="auto",
    show_default=True,
    help="How progress is shown on stderr: a live display, plain lines or JSON lines. "
    "auto: live on a terminal, plain elsewhere.",
)
@json_option
@database_option(create=True)
def run(*, sources: tuple[str, ...], progress: str, as_json: bool, **how: Any) -> int:
    """Create a series or extend it, run what is pending, and print a summary.

    Of several series all are checked and recorded first, then worked one after another: the highest
    priority is next (`edit --priority`), of equal ones the first given. A paused one is left out.

    Completed experiments are never run again: after a crash or Ctrl-C the same command goes on. Which of
    them ran other code than what is on disk is said before anything runs.
    Ctrl-C lets running experiments finish; a second one stops them (they are pending again).
    """
    from database.process_identity import process_began
    from experiments.processes.hash_seed import restart_with_hashes_of_workers
    from experiments.progress.displays import choose_display
    from experiments.run_experiments import Reporting, RunOptions, run_series, run_several_series

    state = click.get_current_context().find_object(State)
    owns_process = state is not None and state.owns_process
    restart = restart_with_hashes_of_workers if owns_process else None
    if how["workers"] == 0 and restart is not None:
        restart()
    options = RunOptions(**how)
    reporting = Reporting(
        choose_display(progress), before_serial=restart, begun=process_began() if owns_process else None
    )
    if not as_json:
        reporting = replace(reporting, on_created=_print_created, on_ended=_print_summary)
    if len(sources) == 1:
        with _naming_file(sources[0]):
            summary = run_series(sources[0], options, reporting)
        if as_json:
            printing.print_json(summary.as_data())
        return summary.exit_code
    several = run_several_series(sources, options, reporting)
    if as_json:
        printing.print_json(several.as_data())
        return several.exit_code
    for left_out in several.left_out:
        click.echo(f"{left_out.series}: {left_out.reason}")
    return several.exit_code


@contextmanager
def _naming_file(series: str) -> Iterator[None]:
    """Name the file that is meant by the name of a series which is not recorded."""
    from database.errors import DatabaseMissingError, NotFoundError

    try:
        yield
    except (DatabaseMissingError, NotFoundError) as error:
        file = f"{series}.yaml"
        if not Path(file).is_file():
            raise
        raise type(error)(f"{error}. To run the file, write `experiments run {file}`") from None


def _print_created(created: Created) -> None:
    click.echo(f"{created.name}: {many(created.new, 'new experiment')}, {created.existing:,} existing")


def _print_summary(summary: RunSummary) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from database.errors import ExperimentsError
    from database.session.lifecycle import SessionLocal
    from meta.graphs.generation.availability import can_be_drawn

    click.echo(str(summary))
    if not summary.after.completed or summary.exit_code not in {0, 1}:
        return
    with suppress(SQLAlchemyError, ExperimentsError), SessionLocal() as session:  # it is only a hint
        if can_be_drawn(session, summary.series):
            click.echo(f"draw its graphs: experiments graphs {summary.series}")
        else:
            click.echo('there is no number to draw: return some, as in `return {"loss": 0.1}`, or log them')
