"""The entry point of a worker's process."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection

from database.errors import ExperimentsError, FencedError
from experiments.execution.worker_config import WorkerConfig
from experiments.processes.exit_status import FENCED_EXIT_CODE
from experiments.processes.fresh_process import set_variables
from experiments.processes.parent_death import die_with_parent
from experiments.processes.subreaper import become_subreaper
from experiments.processes.thread_limits import cap_loaded_libraries


def worker_main(config: WorkerConfig, lifeline: Connection, environment: Mapping[str, str | None]) -> None:
    """Run as a worker until nothing of its series is pending, then exit the process.

    Parameters
    ----------
    config : WorkerConfig
        With the series, and runner and worker ids.
    lifeline : Connection
        The parent-death pipe's reading end.
    environment : mapping
        Variables to set in this process, which has those that the fork server was started with; None removes
        one.
    """
    # In its own session: a terminal's Ctrl-C reaches the runner only, and the whole group can be killed.
    die_with_parent(lifeline)
    become_subreaper()
    before = dict(os.environ)
    set_variables(environment)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the fork server ignores both
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # forgets one that came while it was blocked
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.enable()
    from experiments.worker.run import run_worker  # noqa: PLC0415 - not above: the supervisor imports this module

    cap_loaded_libraries(environment, before)
    code = 0
    try:
        run_worker(config)
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
