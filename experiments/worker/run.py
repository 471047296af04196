"""A worker's run: its session, its attempts, and its loop."""

from __future__ import annotations

import math
import multiprocessing
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from database.engine.registry import configure
from database.engine.wrong_use import takes_session
from database.queries.series_lookup import find_series
from database.session.lifecycle import close_global_session, get_session
from database.session.retry import retrying, retrying_transaction
from experiments.attempt.in_process import Attempts, InProcessAttempts
from experiments.execution.worker_config import WorkerConfig
from experiments.execution.worker_control import WorkerControl
from experiments.isolation.isolated_attempts import ProcessIsolation
from experiments.output.capture import OutputCapture
from experiments.processes.thread_limits import capped_threads
from experiments.target.parsing import target_of
from experiments.worker.loop import Worker


def run_worker(config: WorkerConfig) -> int:
    """Run as the worker that a supervisor has registered, until nothing of its series is pending.

    Opens this process's global session, passes it to `experiment_loop`, and always closes it.
    It waits for a server that is away for as long as its runner lives.

    Parameters
    ----------
    config : WorkerConfig
        With the series, and runner and worker ids.

    Returns
    -------
    int
        How many outcomes this worker recorded.

    Raises
    ------
    FencedError
        The worker was declared dead.
    NotFoundError
        The series was deleted.
    """
    if config.database_url:
        configure(config.database_url, protocol=True, program="worker")
    # Before a connection is open: the fork server must not inherit it.
    isolation = ProcessIsolation(config) if config.execution.isolation == "process" else None
    session = retrying(get_session, deadline_s=math.inf)
    try:
        return experiment_loop(session, config, isolation)
    finally:
        close_global_session()


@takes_session
def experiment_loop(
    session: Session,
    config: WorkerConfig | Mapping[str, Any],
    isolation: ProcessIsolation | None = None,
    control: WorkerControl | None = None,
) -> int:
    """Claim, run and record experiments of the series of `config` until nothing is pending.

    Parameters
    ----------
    session : Session
        This process's; committed by each transaction of the protocol, idle while user code runs.
    config : WorkerConfig or mapping
        With the ids of a registered runner and worker: those of `run_a_single_experiment`.
    isolation : ProcessIsolation, optional
        Runs each experiment in a process of its own.
    control : WorkerControl, optional
        Contains the requests to stop; by default the supervisor's, from `config.control`.

    Returns
    -------
    int
        How many outcomes were recorded.

    Raises
    ------
    FencedError
        The worker was declared dead.
    WorkerConfigError
        The worker is not registered.
    """
    config = WorkerConfig.of(config)
    runner_id, worker_id = config.identity()
    folder = config.folder()
    supervised = config.control is not None
    output = folder.capture(runner_id, worker_id)
    capture = OutputCapture(output) if supervised else None
    if not supervised:  # no supervisor would replace this worker
        config = replace(
            config, execution=replace(config.execution, recycle_after=None, recycle_growth_bytes=None)
        )
    series = retrying_transaction(
        session, lambda session: find_series(session, config.series_id or config.name), deadline_s=math.inf
    )
    control = control or WorkerControl(config.control)
    threads = nullcontext() if supervised else capped_threads(config.execution.threads)
    with threads, _lent_to_target(config.modules()):
        if isolation is not None:
            attempts: Attempts = isolation.attempts(series, output, control)
        else:
            target = target_of(series).load(config.modules())
            attempts = InProcessAttempts(target, owns_process=supervised)
        worker = Worker(
            session,
            config,
            series,
            attempts=attempts,
            control=control,
            capture=capture,
        )
        return worker.run()


@contextmanager
def _lent_to_target(modules: Path) -> Iterator[None]:
    """Put back what `Target.load` changes in this process, which may be the user's own."""
    arguments, start_method = sys.argv, multiprocessing.get_start_method(allow_none=True)
    try:
        yield
    finally:
        sys.argv = arguments
        multiprocessing.set_start_method(start_method, force=True)
        if str(modules) in sys.path:
            sys.path.remove(str(modules))
