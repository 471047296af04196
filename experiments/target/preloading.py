"""Importing a series' target once, in the server that worker processes are forked from.

The server is a fresh interpreter that multiprocessing starts, and there is no message to it before it
forks: what to import is in its environment (see `experiments.worker.forkserver_start`). A run with
another target gets another server (see `experiments.supervisor.worker_servers`).

The supervisor waits for the import when it starts the first worker, and again when the server was
killed. This delays no worker's timeout: all workers of a server end with it.
Heartbeats and the progress run in other threads; Ctrl-C is handled after the import.

multiprocessing ignores an ImportError there, and dies of any other error. Neither is acceptable: what the
import raises, also SystemExit, is printed to stderr, and the workers then import the target themselves
and report its errors as usual.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from experiments.processes.forks import threads_that_survive_forks
from experiments.processes.fresh_process import search_path
from experiments.target.parsing import parse_target

#: The server's environment variable, set while it starts: the target and its folder, as JSON.
VARIABLE = "EXPERIMENTS_PRELOAD"
#: How much of the output of a failed import is shown.
_SHOWN_BYTES = 2000

_announced: tuple[str, str] | None = None


def announce(target: str | None, base_directory: str = "") -> None:
    """Set the target that the server imports when it starts; None for none.

    Parameters
    ----------
    target, base_directory : str
        As `parse_target` takes them.
    """
    global _announced  # noqa: PLW0603 - read where the process starts
    _announced = (target, base_directory) if target is not None else None


def announced() -> dict[str, str]:
    """Return the variables that the server's environment needs when it starts."""
    if _announced is None:
        return {}
    return {VARIABLE: json.dumps([*_announced, search_path()])}


def preload(request: str) -> str | None:
    """Import the target that the environment names; return a message on failure.

    The output of the import is not shown: it would mix with that of the command.
    """
    target, base_directory, search = json.loads(request)
    sys.path[:] = search  # in the order in which workers have it
    problem, before = None, threads_that_survive_forks()
    with tempfile.TemporaryFile() as output:
        try:
            with _output_to(output.fileno()):
                parse_target(target, base_directory).load()
        except BaseException as error:  # noqa: BLE001 - otherwise the server dies, and with it all workers
            problem = str(error) or type(error).__name__
        printed = os.pread(output.fileno(), _SHOWN_BYTES, 0).decode("utf-8", "replace")
    if problem is not None:
        output_text = f"\nit had printed:\n{printed}" if printed else ""
        return (
            f"execute.preload: {target} could not be preloaded; each worker imports it itself. "
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

    Not `sys.stdout` itself, to which a logging handler made by the import would keep a reference.
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
