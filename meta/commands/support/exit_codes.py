"""The message and the exit code of every error that ends a command."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from database.errors import ExperimentsError
from database.files.paths import undecoded_problem
from experiments.processes.system_limits import SystemLimitError, limit_reached
from meta.commands.support.printing import printable_lines

#: What `experiments` exits with besides an error's own `exit_code`.
USAGE, INTERRUPTED, UNEXPECTED = 2, 130, 70
#: Before version 8.2 click printed the help itself.
_NO_ARGUMENTS: type[click.UsageError] | tuple[()] = getattr(click.exceptions, "NoArgsIsHelpError", ())


def report(error: BaseException, *, verbose: bool) -> int:
    """Print on stderr what ended the command, and return its exit code.

    Parameters
    ----------
    error : BaseException
        Any that nothing has handled.
    verbose : bool
        Show the traceback too.
    """
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if verbose:
        traceback.print_exception(error)
    if isinstance(error, click.Abort | KeyboardInterrupt):
        _print("interrupted")
        return INTERRUPTED
    if isinstance(error, _NO_ARGUMENTS):
        _print(str(error))
        return USAGE
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx is not None else "experiments"
        _print(f"error: {error.format_message()}", f"`{where} --help` explains its arguments")
        return USAGE
    if isinstance(error, click.ClickException):
        _print(f"error: {error.format_message()}")
        return error.exit_code
    ours = as_experiments_error(error)
    if ours is not None:
        _print(f"error: {ours}", *(f"caused by: {cause}" for cause in causes(ours)))
        return ours.exit_code
    _print(
        f"unexpected error: {_first_line(error)}",
        "this is a bug; run the command again with -v to see where it happened",
    )
    return UNEXPECTED


def as_experiments_error(error: BaseException) -> ExperimentsError | None:
    """Return the `ExperimentsError` that corresponds to `error`, or None when there is none."""
    if isinstance(error, ExperimentsError):
        return error
    if (limit := limit_reached(error)) is not None:
        return SystemLimitError(limit)
    if isinstance(error, OSError):  # a full disk, a folder that may not be written to
        where = os.fsdecode(error.filename) if error.filename is not None else _stream_that_failed(error)
        return ExperimentsError(": ".join(filter(None, [where, error.strerror or str(error)])))
    if isinstance(error, UnicodeEncodeError) and (problem := undecoded_problem(error.object)):
        return ExperimentsError(problem)
    if "sqlalchemy" in sys.modules:  # otherwise it is no error of a database
        import sqlite3

        from sqlalchemy.exc import DBAPIError

        from database.engine.registry import database_error

        if isinstance(error, sqlite3.Error):  # of a statement that was run past SQLAlchemy
            error = DBAPIError(None, None, error)
        if isinstance(error, DBAPIError):
            ours = database_error(error)
            ours.__cause__ = error.orig
            return ours
    return None


def _stream_that_failed(error: OSError) -> str | None:
    """Return ``stdout`` if writing to it has failed: the error does not name it.

    Output that could not be written may still be buffered, and flushing it fails again; an unbuffered stream
    has dropped it, but the frame that wrote to it is on the traceback.
    """
    again = cannot_flush(sys.stdout)
    if again is not None and again.errno == error.errno:
        return "stdout"
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    wrote = place is not None and any(value is sys.stdout for value in place.tb_frame.f_locals.values())
    return "stdout" if wrote else None


@contextmanager
def writing_to_stdout() -> Iterator[None]:
    """Name stdout in an error of writing to it, which by itself names no file."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or "stdout"
        raise


def cannot_flush(stream: TextIO) -> OSError | None:
    """Flush a stream; return the error of that, or None."""
    try:
        stream.flush()
    except OSError as error:
        return error
    except ValueError:  # it is closed
        return None
    return None


def causes(error: BaseException) -> Iterator[str]:
    """Yield one line for each error that led to `error` and adds something new, the nearest first."""
    seen: set[int] = {id(error)}
    printed = str(error)
    cause = _cause(error)
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        # SQLAlchemy's wrapper repeats the driver's error.
        if not hasattr(cause, "orig") and not _is_part(cause, printed):
            yield _first_line(cause)
            printed += f"\n{cause}"
        cause = _cause(cause)


def _is_part(cause: BaseException, printed: str) -> bool:
    """Return whether the message of `cause` was printed already."""
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror in printed and str(cause.filename or "") in printed
    lines = str(cause).strip().splitlines()
    return bool(lines) and lines[0] in printed


def _cause(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _print(*lines: str) -> None:
    try:
        for line in lines:
            click.echo(printable_lines(line), err=True)
    except OSError:  # stderr is closed
        return
