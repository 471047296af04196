"""The worker's part of `isolation: process`: each attempt runs in a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path

from database.claims.types import Finished
from database.files.paths import current_folder
from database.models import ExperimentSeries
from experiments.attempt.in_process import Attempts
from experiments.attempt.single import Task
from experiments.execution.options import Execution
from experiments.execution.worker_config import WorkerConfig
from experiments.execution.worker_control import WorkerControl
from experiments.isolation.child_pool import ChildPool, ForkServerProcess
from experiments.isolation.child_process import ChildProcess
from experiments.isolation.fork_server import LoadRequest
from experiments.isolation.outcome import resolve_outcome
from experiments.isolation.supervision import SigtermRequest, Supervision
from experiments.points.unrecorded import read_unrecorded
from experiments.processes.memory import KernelKills

#: A batch system sends SIGTERM to all processes; the worker's may come a moment after its child's.
_SIGTERM_DELAY_S = 0.2


class IsolatedAttempts(Attempts):
    """Runs attempts, each in a fresh process.

    Parameters
    ----------
    pool : ChildPool
        Starts the processes; closed at the end.
    execution : Execution
        The limits.
    control : WorkerControl
        The supervisor's messages.
    """

    def __init__(self, pool: ChildPool, execution: Execution, control: WorkerControl) -> None:
        self._pool = pool
        self._execution = execution
        self._control = control
        self._kernel = KernelKills()
        self._child: ChildProcess | None = None
        self._code: Mapping[str, str] | None = None
        self._on_edit: Callable[[], None] = lambda: None
        self._exits = ExitStack()
        self._sigterm = self._exits.enter_context(SigtermRequest(control))

    def prepare(self) -> None:
        """Start the process of the next attempt.

        Raises
        ------
        ExperimentsError
            The target cannot be loaded.
        """
        if self._child is None:
            self._child = self._pool.start_child()
            self._code = None

    @property
    def code(self) -> Mapping[str, str]:
        """The digests of the files that the fork server has loaded, and the child of the last attempt."""
        return self._pool.code if self._code is None else self._code

    def notify(self, on_edit: Callable[[], None]) -> None:
        """Have `on_edit` called when a child has loaded other files than the fork server."""
        self._on_edit = on_edit

    def attempt(self, task: Task) -> Finished:
        """Run one attempt and return how it ended."""
        self.prepare()
        child, self._child = self._child, None
        assert child is not None
        self._kernel.update()
        supervision = Supervision(
            task,
            child,
            execution=self._execution,
            control=self._control,
            sigterm=self._sigterm,
            on_code=self._take_code,
        )
        try:
            reported = supervision.run()
        except BaseException:
            self._pool.reap(child)
            raise
        child_exit = self._pool.reap(child)
        observed = supervision.observed()
        if reported is None and child_exit is not None and observed.kill is None:
            if child_exit.code == -signal.SIGTERM:
                self._sigterm.wait(_SIGTERM_DELAY_S)
            observed = replace(
                observed,
                stopping=self._control.is_stopped(),
                killed_by_kernel=child_exit.code == -signal.SIGKILL and self._kernel.was_oom_kill(),
            )
        finished = resolve_outcome(observed, reported, child_exit)
        if reported is None:
            finished = finished._replace(chunks=read_unrecorded(task.points, task.claim.token).chunks)
        return finished

    def _take_code(self, files: Mapping[str, str]) -> None:
        self._code = files
        self._on_edit()

    def close(self) -> None:
        """Stop the fork server, and a child that is still waiting for its job."""
        if self._child is not None:
            self._pool.reap(self._child)
            self._child = None
        self._pool.close()
        self._exits.close()


class ProcessIsolation:
    """Prepares a worker for `isolation: process`, while it is still a clean process.

    Parameters
    ----------
    config : WorkerConfig
        The worker's.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._parent_pipe, self._writer = Pipe(duplex=False)
        unwanted = [end for end in (self._writer, config.control) if end is not None]
        self._server = ForkServerProcess.fork(self._parent_pipe, unwanted)

    def attempts(self, series: ExperimentSeries, output: Path, control: WorkerControl) -> IsolatedAttempts:
        """Return the attempts of a series, with the target loaded.

        Parameters
        ----------
        output : Path
            The file to which the output of experiments is appended.

        Raises
        ------
        ExperimentsError
            The target cannot be loaded.
        """
        load = LoadRequest(
            target=series.target,
            base_directory=series.source_path or os.fspath(current_folder()),
            output=os.fspath(output),
            database_url=self._config.database_url,
            modules=os.fspath(self._config.modules()),
        )
        pool = ChildPool(self._parent_pipe, load, self._server)
        pool.prepare()
        return IsolatedAttempts(pool, self._config.execution, control)
