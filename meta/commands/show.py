"""Experiments in detail: `show`, `failures`, `logs`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meta.commands.support import printing
from meta.commands.support.arguments import SERIES, find_series, none_of, results_folder, where_condition
from meta.commands.support.options import (
    EXPERIMENT_ID,
    WholeNumber,
    database_option,
    json_option,
    where_option,
)

if TYPE_CHECKING:
    from database.queries.experiment_detail import AttemptRecord, ExperimentRecord
    from database.queries.failures import FailureGroup
    from experiments.output.results_folder import ResultsFolder

#: What a process prints that cannot load what it was sent: the end of a traceback through multiprocessing.
_LOST_IN_PROCESS = re.compile(
    r"/multiprocessing/[^\n]*\n(?:[ ][^\n]*\n)*"
    r"(?:ModuleNotFoundError|ImportError|AttributeError): "
    r"((?:No module named|cannot import name|Can't get attribute) [^\n]*)"
)
#: About how many lines of an example's message and of its output `failures` prints.
TAIL_LINES = 6
#: How many digits of the name of a set of code are printed.
CODE_DIGITS = 12


@click.command(short_help="Show one experiment with its attempts.")
@click.argument("experiment", metavar="ID", type=EXPERIMENT_ID)
@database_option()
@json_option
def show(experiment: int, *, as_json: bool) -> None:
    """Show an experiment: its parameters and results, and each attempt with its error and provenance."""
    from database.queries.experiment_detail import experiment_record
    from database.session.lifecycle import scoped_session

    with scoped_session(read_only=True) as session:
        record = experiment_record(session, experiment)
    folder = results_folder()
    if as_json:
        printing.print_json(_data(record, folder))
        return
    row = record.experiment
    printing.print_facts(
        {
            "experiment": row.id,
            "series": record.series,
            "target": record.target,
            "status": f"{row.status} (retired: no longer in the file)" if row.retired else row.status,
            "waits until": record.due_at,
            "repetition": row.repetition,
            "seed": row.seed,
        }
    )
    _print_values("parameters", row.parameters, printing.parameter_value)
    _print_values("results", row.results or {}, printing.shown_value)
    for attempt in record.attempts:
        click.echo()
        _print_attempt(record, attempt, folder)


def _data(record: ExperimentRecord, folder: ResultsFolder) -> dict[str, Any]:
    return {
        "series": record.series,
        "target": record.target,
        **vars(record.experiment),
        "attempts": [
            {
                **vars(attempt),
                "log": _existing(folder.log(record.folder, record.experiment.id, attempt.number)),
            }
            for attempt in record.attempts
        ],
        "due_at": record.due_at,
    }


def _print_values(title: str, values: dict[str, Any], show: Callable[[object], str]) -> None:
    from experiments.parameters import flatten_recorded

    if not values:
        return
    named = flatten_recorded(values)
    click.echo(f"{title}:")
    printing.print_facts({f"    {name}": show(value) for name, value in named.items()})


def _print_attempt(record: ExperimentRecord, attempt: AttemptRecord, folder: ResultsFolder) -> None:
    from database.failure_text.reason import reason_of

    log = folder.log(record.folder, record.experiment.id, attempt.number)
    code = attempt.git_commit
    reason = reason_of(attempt, record.target)
    printing.print_facts(
        {
            "attempt": attempt.number,
            "outcome": attempt.outcome,
            "error": reason.message.strip().partition("\n")[0],
            "at": reason.place,
            "exit code": attempt.exit_code,
            "signal": attempt.signal,
            "started": attempt.started_at,
            "duration": None if attempt.duration_s is None else printing.duration(attempt.duration_s),
            "CPU time": None if attempt.cpu_s is None else printing.duration(attempt.cpu_s),
            "peak memory": _mebibytes(attempt.peak_memory_bytes),
            "threads": attempt.threads,
            "host": attempt.host,
            "code": None if attempt.code is None else attempt.code[:CODE_DIGITS],
            "git commit": f"{code} (with uncommitted changes)" if code and attempt.git_dirty else code,
            "Python": attempt.python_version,
            "log": _existing(log),
        }
    )
    _print_values("replaced results", attempt.results or {}, printing.shown_value)
    _print_values("partial result", attempt.partial or {}, printing.shown_value)
    if reason.traceback:
        printing.print_block("traceback", reason.traceback)
    if reason.output:
        printing.print_block("last lines it wrote", reason.output)


@click.command(short_help="Group failed experiments by cause.")
@click.argument("series", type=SERIES)
@where_option
@database_option()
@json_option
def failures(series: str, *, where: str | None, as_json: bool) -> None:
    """Group the failed experiments of SERIES by cause.

    A cause is the outcome, the type of error, the place in your code where it was raised, and its
    message without the numbers.
    """
    from database.queries.failures import failure_groups
    from database.session.lifecycle import scoped_session
    from experiments.series_file.axes import fixed_names

    with scoped_session(read_only=True) as session:
        failed = find_series(session, series)
        condition = where_condition(session, failed, where)
        groups = failure_groups(session, failed.id, condition)
        missing = None
        if not groups and where is not None:
            missing = none_of(session, failed, where, condition, statuses=["failed"], retired=False)
    if as_json:
        printing.print_json([_group_data(group) for group in groups])
        return
    if not groups:
        click.echo(printing.printable(missing or f"no experiment of {failed.name} has failed"))
    fixed = fixed_names(failed.resolved)
    for number, group in enumerate(groups):
        if number:
            click.echo()
        _print_group(group, fixed)


def _explanation(group: FailureGroup) -> str | None:
    """Return what explains the failures beyond their message: so far processes that found no code."""
    missing = _LOST_IN_PROCESS.search(group.example_log_tail or "")
    if missing is None:
        return None
    waits = "; a pool waits for ever then" if group.cause.outcome == "timed_out" else ""
    return (
        f"a process that it started could not load what it was sent ({missing[1]}){waits}. Define what is "
        "sent at the top level of the target's file, or of a module that a new interpreter can import, and "
        "before the process is started"
    )


def _group_data(group: FailureGroup) -> dict[str, Any]:
    return {
        "outcome": group.cause.outcome,
        "error_type": group.cause.error_type or None,
        "place": group.place or None,
        "pattern": group.cause.message or None,
        "death": group.cause.death or None,
        "count": group.count,
        "first_at": group.first_at,
        "last_at": group.last_at,
        "example": group.example_id,
        "parameters": group.example_parameters,
        "message": group.example_message,
        "traceback": group.example_traceback,
        "log_tail": group.example_log_tail,
        "explanation": _explanation(group),
    }


def _print_group(group: FailureGroup, fixed: Collection[str]) -> None:
    from experiments.parameters import flatten_recorded

    _print_lines(": ".join(filter(None, [f"{group.count} x {group.cause.outcome}", group.summary])))
    if group.place:
        _print_lines(f"    at {group.place}")
    if group.count > 1 and group.first_at is not None:
        moments = f"first {printing.shown_value(group.first_at)}, last {printing.shown_value(group.last_at)}"
        click.echo(f"    {moments}")
    named = flatten_recorded(group.example_parameters)
    varying = {name: value for name, value in named.items() if name not in fixed}
    shown = printing.pairs(varying, printing.parameter_value)
    _print_lines(f"    experiment {group.example_id}{': ' if shown else ''}{shown}")
    details = group.details
    _print_lines(*details[:TAIL_LINES], *(["[...]"] if len(details) > TAIL_LINES else []), margin=4)
    if output := group.example_reason.last_output(TAIL_LINES):
        click.echo("    last lines it wrote:")
        _print_lines(*output.splitlines(), margin=8)
    if (explanation := _explanation(group)) is not None:
        _print_lines(explanation, margin=4)
    click.echo(f"    in full: experiments show {group.example_id}")


def _print_lines(*lines: str, margin: int = 0) -> None:
    for line in lines:
        click.echo(" " * margin + printing.printable(line))


@click.command(short_help="Print what an experiment wrote.")
@click.argument("experiment", metavar="ID", type=EXPERIMENT_ID)
@click.option("--attempt", type=WholeNumber(1), help="Of which attempt; by default the last one.")
@click.option("--follow", "-f", is_flag=True, help="Go on printing until the attempt has ended.")
@database_option()
@json_option
def logs(experiment: int, attempt: int | None, *, follow: bool, as_json: bool) -> None:
    """Print what an experiment wrote to stdout and stderr."""
    from database.queries.experiment_detail import experiment_record
    from database.session.lifecycle import scoped_session
    from experiments.output.logs import read_log

    if follow and as_json:
        raise click.UsageError("--follow prints text only: leave --json out", click.get_current_context())

    with scoped_session(read_only=True) as session:
        record = experiment_record(session, experiment)
    if follow and record.running is not None and attempt in (None, record.running.number):
        _follow(record)
        return
    log = read_log(record, results_folder(), attempt)
    if as_json:
        printing.print_json(
            {
                "experiment": experiment,
                "attempt": log.attempt,
                "path": log.path,
                "text": None if log.content is None else log.content.decode("utf-8", "replace"),
                "note": log.note,
            }
        )
        return
    if log.note:
        click.echo(log.note, err=True)
    if log.content is not None:
        _write_output(log.content)


def _follow(record: ExperimentRecord) -> None:
    from experiments.output.logs import follow_log

    for part in follow_log(record, results_folder()):
        if isinstance(part, str):
            click.echo(part, err=True)
        else:
            _write_output(part)


def _write_output(content: bytes) -> None:
    from meta.commands.support.exit_codes import writing_to_stdout

    with writing_to_stdout():
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def _existing(path: Path) -> str | None:
    return str(path) if path.is_file() else None


def _mebibytes(size_bytes: int | None) -> str | None:
    return None if size_bytes is None else f"{size_bytes / 2**20:.0f} MiB"
