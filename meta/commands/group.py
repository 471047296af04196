"""The `experiments` command itself: its commands and its exit.

The module of a command is imported when the command is named (or listed).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from meta.commands.support.exit_codes import INTERRUPTED, cannot_flush, report, writing_to_stdout
from meta.commands.support.options import State, show_messages, verbose_option

#: Name -> module and function; in the order of the help.
COMMANDS = {
    "init": "meta.commands.create:init",
    "check": "meta.commands.create:check",
    "create": "meta.commands.create:create",
    "run": "meta.commands.run:run",
    "status": "meta.commands.status:status",
    "list": "meta.commands.list:list_",
    "show": "meta.commands.show:show",
    "failures": "meta.commands.show:failures",
    "logs": "meta.commands.show:logs",
    "retry": "meta.commands.corrections:retry",
    "cancel": "meta.commands.corrections:cancel",
    "release": "meta.commands.corrections:release",
    "edit": "meta.commands.corrections:edit",
    "delete": "meta.commands.corrections:delete",
    "graphs": "meta.commands.producing:graphs",
    "trace": "meta.commands.trace:trace",
    "table": "meta.commands.tables:table",
    "compare": "meta.commands.tables:compare",
    "report": "meta.commands.producing:report",
    "export": "meta.commands.producing:export",
    "database": "meta.commands.maintenance:database",
    "doctor": "meta.commands.maintenance:doctor",
}
#: 128 + SIGPIPE, as in shells: the reader of our output has closed it.
BROKEN_PIPE = 141


class _OutputClosedError(Exception):
    """The reader of our output has closed it."""


@contextmanager
def _past_click() -> Iterator[None]:
    """Pass a broken pipe on, which click would report as a failure."""
    try:
        yield
    except BrokenPipeError as error:
        raise _OutputClosedError from error


class LazyGroup(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the most similar names where there is no such command."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from database.suggestions import suggestion

            raise click.UsageError(
                f"no such command: {name}; {suggestion(name, COMMANDS, kind='commands')}", ctx
            )
        return super().resolve_command(ctx, args)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the arguments, or print the help."""
        with _past_click():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        from database.files.paths import current_folder

        current_folder()  # which every command may need, and so may what it imports
        with _past_click():
            return super().invoke(ctx)


@click.group("experiments", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="experiment-series", prog_name="experiments")
@verbose_option
def experiments() -> None:
    """Run series of experiments from a YAML file, record each exactly once, and draw aggregate graphs.

    Start with `experiments init`.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: the console script `experiments`."""
    sys.exit(run_command(arguments, owns_process=arguments is None))


def run_command(arguments: Sequence[str] | None = None, *, owns_process: bool = False) -> int:
    """Run the command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; by default those of this process.
    owns_process : bool
        Whether this process runs nothing else, and with these arguments: then it may start itself again.
    """
    state = State(owns_process=owns_process)
    _open_closed_streams()
    show_messages(verbose=False)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # an ASCII terminal must not end a command
            reconfigure(errors="backslashreplace")
    try:
        code = experiments.main(
            args=None if arguments is None else list(arguments),
            prog_name="experiments",
            standalone_mode=False,
            obj=state,
        )
        with writing_to_stdout():
            sys.stdout.flush()
    except (_OutputClosedError, BrokenPipeError):
        _forget_output()
        return BROKEN_PIPE
    except BaseException as error:  # noqa: BLE001 - this is where every error becomes a message
        code = report(error, verbose=state.verbose)
        if owns_process and code == INTERRUPTED:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # one more ends it, and prints nothing
        if cannot_flush(sys.stdout) is not None:
            _forget_output()
        return code
    return code if isinstance(code, int) else 0


def _open_closed_streams() -> None:
    """Open the null device in place of a standard stream that the shell closed (``>&-``).

    Otherwise the next file opened would get its descriptor, also in child processes, and what they print
    would be written into that file.
    """
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != descriptor:
                os.dup2(nothing, descriptor)
                os.close(nothing)
            os.set_inheritable(descriptor, True)
            stream = open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as we
            setattr(sys, name, stream)


def _forget_output() -> None:
    """Send the interpreter's last flush to the null device: it would fail on the closed pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
