"""Importing a series' target once, in the server that worker processes are forked from.

The server is a fresh interpreter that multiprocessing starts, and there is no message to it before it
forks: what to import is in its environment (see `experiments.target.forkserver_preload`). It
serves all runs of its process, so only the target of the first run is preloaded.

The supervisor waits for the import when it starts the first worker, and again when the server was
killed. No worker is at work then whose timeout could be late: with the server all of its workers end.
Heartbeats and the progress are of other threads; Ctrl-C is answered when the import is over.

multiprocessing ignores an ImportError there, and dies of anything else. Neither will do: what the
import raises, also SystemExit, is printed to stderr, and the workers then import the target themselves
and report what is wrong with it as they always do.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from experiments.processes.forks import threads_that_survive_forks
from experiments.target.parsing import parse_target

#: In the environment of the server while it starts: the target and its folder, as JSON.
VARIABLE = "EXPERIMENTS_PRELOAD"
#: How much of what a failed import printed is shown.
_SHOWN_BYTES = 2000

_announced: tuple[str, str] | None = None


def announce(target: str | None, base_directory: str = "") -> None:
    """Set what the server is to import when it starts; None for nothing.

    Parameters
    ----------
    target, base_directory : str
        As `parse_target` takes them.
    """
    global _announced  # noqa: PLW0603 - as there is one server in a process
    _announced = (target, base_directory) if target is not None else None


def announced() -> dict[str, str]:
    """Return what the server's environment must have when it starts."""
    if _announced is None:
        return {}
    search = [entry for entry in sys.path if isinstance(entry, str)]
    return {VARIABLE: json.dumps([*_announced, search])}


def preload(request: str) -> str | None:
    """Import what the environment names; return a message of what is wrong, if anything.

    What the import prints is not shown: it would mix with the output of the command.
    """
    target, base_directory, search = json.loads(request)
    sys.path += [entry for entry in search if entry not in sys.path]
    problem, before = None, threads_that_survive_forks()
    with tempfile.TemporaryFile() as output:
        try:
            with _output_to(output.fileno()):
                parse_target(target, base_directory).load()
        except BaseException as error:  # noqa: BLE001 - if the server dies of it, all workers do
            problem = str(error) or type(error).__name__
        printed = os.pread(output.fileno(), _SHOWN_BYTES, 0).decode("utf-8", "replace")
    if problem is not None:
        output_text = f"\nit had printed:\n{printed}" if printed else ""
        return (
            f"execute.preload: {target} could not be preloaded; each worker tries for itself. "
            f"{problem}{output_text}"
        )
    if (threads := threads_that_survive_forks() - before) > 0:
        return (
            f"execute.preload: importing {target} starts {threads} thread(s), which the workers forked after "
            "it do not have; if they hang, set execute.preload: false"
        )
    return None


@contextmanager
def _output_to(file: int) -> Iterator[None]:
    """Redirect descriptors 1 and 2 to a file.

    Not `sys.stdout` itself, which a logging handler that the import makes keeps for good.
    """
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    try:
        for descriptor in (1, 2):
            os.dup2(file, descriptor)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for copy, descriptor in zip(kept, (1, 2), strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)
