"""Options that several commands share, such as `--database`, `--json` and `-v`."""

from __future__ import annotations

import logging
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click
from click.shell_completion import CompletionItem

from meta.commands.support.printing import printable_lines

if TYPE_CHECKING:
    from database.models import Outcome

Function = TypeVar("Function", bound=Callable[..., Any])

#: The key of the URL that was given, in the context of a command.
DATABASE = f"{__name__}.database"
#: Whose DEBUG messages `-v` shows.
_OWN_LOGGERS = ("database", "experiments", "meta")
_LARGEST = 10**18


class WholeNumber(click.IntRange):
    """A whole number in a range; what no database and no system takes is refused."""

    name = "whole number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        number: int = super().convert(value, param, ctx)
        if number > _LARGEST:
            self.fail(f"{value} is too large.", param, ctx)
        return number


class Number(click.FloatRange):
    """A number in a range, in which NaN is not."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a valid {self.name}.", param, ctx)
        return number


class _ExperimentId(click.IntRange):
    """The number of an experiment."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(
                f"{value!r} is not the number of an experiment; `experiments list SERIES` shows them",
                param,
                ctx,
            )


#: An experiment's id; the largest one is that of a 64-bit column.
EXPERIMENT_ID = _ExperimentId(1, 2**63 - 1)


class _OutcomeWord(click.ParamType):  # type: ignore[type-arg]  # older clicks cannot be subscripted
    """An outcome of an unsuccessful attempt."""

    name = "outcome"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Outcome:
        from database.models import Outcome
        from database.models.outcome import EARLIER_WORDS, UNSUCCESSFUL
        from database.suggestions import suggestion

        words = [outcome.value for outcome in UNSUCCESSFUL]
        if value not in words:
            listed = suggestion(EARLIER_WORDS.get(value, value), words, kind="outcomes")
            self.fail(f"{value!r} is not an outcome; {listed}", param, ctx)
        return Outcome(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from database.models.outcome import UNSUCCESSFUL

        return [CompletionItem(one.value) for one in UNSUCCESSFUL if one.value.startswith(incomplete)]


OUTCOME = _OutcomeWord()


class _Duration(click.ParamType):  # type: ignore[type-arg]  # older clicks cannot be subscripted
    """A time span, as in a series file; in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from experiments.units import seconds_of

        try:
            return seconds_of(float(value) if re.fullmatch(r"\d+(\.\d+)?", str(value)) else value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = _Duration()


class _Splits(click.ParamType):  # type: ignore[type-arg]  # older clicks cannot be subscripted
    """The sizes of the test and the training set of resampled splits."""

    name = "splits"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from experiments.series_file.models import ResampledSection

        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split("/")]
        sizes = [float(part) if re.fullmatch(r"\d+(\.\d+)?", part) else part for part in parts]
        if len(parts) != 2 or not all(sizes):
            self.fail(
                f"{value!r} is not how much is tested on and trained on, such as 45/105 or the names of two "
                "parameters or results; a test_size of 0.3 is 0.3/0.7",
                param,
                ctx,
            )
        return ResampledSection(test=sizes[0], train=sizes[1])


SPLITS = _Splits()


@dataclass
class State:
    """The state of one command, which its functions share.

    Attributes
    ----------
    verbose : bool
        Whether `-v` was given.
    owns_process : bool
        Whether this process runs nothing but the command, from its beginning.
    """

    verbose: bool = False
    owns_process: bool = False


def _be_verbose(context: click.Context, _parameter: click.Parameter, chosen: bool) -> None:
    state = context.find_object(State)
    if chosen and state is not None:
        state.verbose = True
        show_messages(verbose=True)


#: `-v`: tracebacks of errors, and messages for debugging on stderr.
verbose_option = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_be_verbose,
    help="Show tracebacks of errors, and messages for debugging.",
)


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to the current `sys.stderr`, which may be replaced."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _OneLine(logging.Formatter):
    """A message in one line, without its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {printable_lines(record.getMessage())}"


def show_messages(*, verbose: bool) -> None:
    """Print this project's log messages on stderr: warnings in one line each, or everything."""
    handler = _Stderr()
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s") if verbose else _OneLine()
    )
    for name in _OWN_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.DEBUG if verbose else logging.WARNING)


def database_option(*, create: bool = False) -> Callable[[Function], Function]:
    """Add `--database`, and configure the database of this process before the command runs.

    Parameters
    ----------
    create : bool
        True for commands that record something: they create a database that does not exist. A command
        that only reads fails.
    """

    def decorate(function: Function) -> Function:
        option = click.option(
            "--database",
            metavar="URL",
            expose_value=False,
            callback=lambda context, _parameter, url: _configure(context, url, create=create),
            help="Where experiments are recorded: sqlite:///path/to/file.db or postgresql://user@host/name.  "
            "[env var: EXPERIMENTS_DATABASE_URL; default: sqlite:///results/experiments.db]",
        )
        return verbose_option(option(function))

    return decorate


def _configure(context: click.Context, url: str | None, *, create: bool) -> None:
    context.meta[DATABASE] = url
    if context.resilient_parsing:
        return
    from database.engine import registry
    from database.errors import DatabaseError

    try:
        registry.configure(url or registry.current_url(), create=create)
    except DatabaseError as error:  # nothing was opened: the URL is wrong, not the database
        raise click.UsageError(str(error), context) from error


#: `--where`: only experiments that match an expression.
where_option = click.option(
    "--where",
    metavar="EXPRESSION",
    help="Only experiments that this is true of, such as 'optimizer.lr > 0.01 and status == \"failed\"'.",
)
#: `--output`: the folder that files go to.
output_option = click.option(
    "--output",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files go (of several series: in a folder for each); by default among the results.",
)
#: `--workers` of commands that draw.
drawing_workers_option = click.option(
    "--workers",
    type=WholeNumber(1),
    metavar="N",
    help="How many processes draw at most; by default one per core.",
)
#: `--quiet` of commands that draw.
quiet_option = click.option(
    "--quiet", "-q", is_flag=True, help="Print nothing but errors, and with --json the data."
)
#: `--json`: the same as data, with stable keys.
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
