"""Series files and the experiments they describe: `init`, `check`, `create`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from meta.commands.support import printing
from meta.commands.support.options import database_option, json_option, verbose_option

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Write a small series file and its function.")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=Path())
@verbose_option
def init(directory: Path) -> None:
    """Write a small series file and its function into DIRECTORY (by default this one).

    Nothing is overwritten.
    """
    from experiments.init_template import write_example

    series_file, function = write_example(directory)
    click.echo(f"Wrote {series_file} and {function}. Next:\n")
    click.echo(f"    experiments run {shlex.quote(str(series_file))}")
    click.echo("    experiments graphs first")


@click.command(short_help="Validate a series file, writing nothing.")
@click.argument("file", type=_FILE)
@database_option()
@json_option
def check(file: Path, *, as_json: bool) -> None:
    """Validate a series FILE and its function, count its experiments, and write nothing.

    Shows what is new against the database, if there is one.
    """
    from database.errors import DatabaseMissingError
    from database.session.lifecycle import scoped_session
    from experiments.creation import OtherTargetError, check_target
    from experiments.expansion import count
    from experiments.series_file.loading import load_series_file
    from meta.dry_run import DryRun, dry_run

    loaded = load_series_file(file)
    target = check_target(loaded)
    counts = count(loaded.file)
    try:
        with scoped_session(read_only=True) as session:
            result = dry_run(session, loaded)
    except DatabaseMissingError:
        result = DryRun(new=counts.experiments, existing=0, retired=0, target=None)
    if result.target not in {None, str(target)}:
        raise OtherTargetError(
            f"series {loaded.file.name} exists and runs {result.target}, but {file} runs {target}; "
            "rename the series, or delete the old one"
        )
    facts = {
        "series": loaded.file.name,
        "target": str(target),
        "parameters": loaded.file.parameter_names(),
        "configurations": counts.configurations,
        "repetitions": counts.repetitions,
        "experiments": counts.experiments,
        "new": result.new,
        "existing": result.existing,
        "retired": result.retired,
    }
    if as_json:
        printing.print_json(facts)
        return
    printing.print_facts({**facts, "parameters": ", ".join(loaded.file.parameter_names())})
    for note in [*loaded.file.execute.notes(loaded.file.execute.worker_count()), *result.remarks]:
        click.echo(printing.printable_lines(f"note: {note}"), err=True)


@click.command(short_help="Record experiments as pending.")
@click.argument("files", metavar="FILE...", type=_FILE, nargs=-1, required=True)
@database_option(create=True)
@json_option
@click.pass_context
def create(context: click.Context, files: tuple[Path, ...], *, as_json: bool) -> None:
    """Record the experiments of series FILEs as pending; what is recorded already stays as it is.

    Each file is a transaction of its own: a wrong one does not affect the others.
    """
    from database.errors import ExperimentsError
    from meta.commands.support.exit_codes import report
    from meta.commands.support.options import State
    from meta.create_experiment_series import create_from_file, summary

    done, exit_code = [], 0
    for file in files:
        try:
            done.append(create_from_file(file))
        except ExperimentsError as error:
            exit_code = max(exit_code, report(error, verbose=context.ensure_object(State).verbose))
        else:
            if not as_json:
                click.echo(summary(done[-1]))
    if as_json:
        printing.print_json(
            [
                {
                    "series": created.name,
                    "new": created.new,
                    "existing": created.existing,
                    "retired": created.retired,
                }
                for created in done
            ]
        )
    context.exit(exit_code)
