"""The entry point of a worker's process."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection

from database.errors import ExperimentsError, FencedError
from experiments.execution.worker_config import WorkerConfig
from experiments.processes.exit_status import FENCED_EXIT_CODE
from experiments.processes.fresh_process import SAFE_PATH
from experiments.processes.parent_death import die_with_parent
from experiments.processes.process_tree import TAG_VARIABLE
from experiments.processes.subreaper import become_subreaper
from experiments.processes.thread_limits import cap_loaded_libraries


@dataclass(frozen=True)
class ProcessOptions:
    """What a worker's process needs besides its configuration.

    Attributes
    ----------
    lifeline : Connection
        The parent-death pipe's reading end.
    safe_path : str or None
        PYTHONSAFEPATH of the runner's environment; it is changed only while interpreters start.
    tag : str
        The runner's tag; a fork server that is older than the runner has none.
    thread_caps : mapping
        Variables for the environment that cap the threads of numerical libraries.
    """

    lifeline: Connection
    safe_path: str | None
    tag: str
    thread_caps: Mapping[str, str]


def worker_main(name: str, config: WorkerConfig, options: ProcessOptions) -> None:
    """Run as a worker until nothing of its series is pending, then exit the process.

    Parameters
    ----------
    name : str
        The series.
    config : WorkerConfig
        With runner and worker ids.
    options : ProcessOptions
        What else the process needs.
    """
    # In its own session: a terminal's Ctrl-C reaches the runner only, and the whole group can be killed.
    die_with_parent(options.lifeline)
    become_subreaper()
    # Experiments must not see the environment that the fork server was started with.
    if options.safe_path is None:
        os.environ.pop(SAFE_PATH, None)
    else:
        os.environ[SAFE_PATH] = options.safe_path
    os.environ.update({**options.thread_caps, TAG_VARIABLE: options.tag})
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the fork server ignores it
    faulthandler.enable()
    from experiments.worker.run import run_worker  # noqa: PLC0415 - not above: the supervisor imports this module

    cap_loaded_libraries(options.thread_caps)
    code = 0
    try:
        run_worker(name, config)
    except FencedError as error:
        sys.stderr.write(f"{error}\n")
        code = FENCED_EXIT_CODE
    except ExperimentsError as error:
        sys.stderr.write(f"{error}\n")
        code = error.exit_code
    except BaseException:  # noqa: BLE001 - printed to stderr, which the supervisor reads
        traceback.print_exc()
        code = 1
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    # Not sys.exit: that would wait for threads and processes that an experiment left running.
    os._exit(code)
