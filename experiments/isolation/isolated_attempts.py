"""The worker's part of `isolation: process`: each attempt is made in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from database.claims.types import Finished
from database.models import ExperimentSeries
from experiments.attempt.in_process import Task
from experiments.execution.options import Execution
from experiments.execution.worker_config import WorkerConfig
from experiments.execution.worker_control import Control
from experiments.isolation.child_pool import Nursery, TemplateProcess
from experiments.isolation.child_process import ChildProcess
from experiments.isolation.fork_server import Load
from experiments.isolation.outcome import settle
from experiments.isolation.parent_pipe import Leash
from experiments.isolation.sigterm import Termination
from experiments.isolation.supervision import Supervision
from experiments.processes.memory import KernelKills

#: A batch system sends SIGTERM to all processes; the worker's may come a moment after its child's.
_NEWS_S = 0.2


class IsolatedAttempts:
    """Makes attempts, each in a fresh process.

    Parameters
    ----------
    nursery : Nursery
        Where the processes come from; closed at the end.
    execution : Execution
        The limits.
    control : Control
        What the supervisor says.
    """

    def __init__(self, nursery: Nursery, execution: Execution, control: Control) -> None:
        self._nursery = nursery
        self._execution = execution
        self._control = control
        self._kernel = KernelKills()
        self._child: ChildProcess | None = None
        self._termination = Termination(control)

    def prepare(self) -> None:
        """Start the process of the next attempt.

        Raises
        ------
        ExperimentsError
            The target cannot be loaded.
        """
        if self._child is None:
            self._child = self._nursery.bear()

    def attempt(self, task: Task) -> Finished:
        """Make one attempt and say how it ended."""
        self.prepare()
        child, self._child = self._child, None
        assert child is not None
        self._kernel.look()
        supervision = Supervision(
            task,
            child,
            execution=self._execution,
            control=self._control,
            termination=self._termination,
        )
        try:
            said = supervision.run()
        except BaseException:
            self._nursery.reap(child)
            raise
        ended = self._nursery.reap(child)
        case = supervision.case()
        if said is None and ended is not None and case.doom is None:
            if ended.code == -signal.SIGTERM:
                self._termination.wait(_NEWS_S)
            case = replace(
                case,
                stopping=self._control.is_stopped(),
                killed_by_kernel=ended.code == -signal.SIGKILL and self._kernel.was_oom_kill(),
            )
        return settle(case, said, ended)

    @property
    def spoiled(self) -> str | None:
        """Nothing: what an attempt changes ends with its process."""
        return None

    def close(self) -> None:
        """End the template, and a child that has not got its job."""
        if self._child is not None:
            self._nursery.reap(self._child)
            self._child = None
        self._nursery.close()
        self._termination.close()


class Isolation:
    """Prepares a worker for `isolation: process`, while it is still a clean process.

    Parameters
    ----------
    config : WorkerConfig
        The worker's.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._leash = Leash()
        unwanted = (config.control.fileno(),) if config.control is not None else ()
        self._template = TemplateProcess.fork(self._leash, unwanted)

    def attempts(self, series: ExperimentSeries, output: Path, control: Control) -> IsolatedAttempts:
        """Return where the experiments of a series run; its target is loaded already.

        Parameters
        ----------
        output : Path
            What experiments write goes to its end.

        Raises
        ------
        ExperimentsError
            The target cannot be loaded.
        """
        load = Load(
            target=series.target,
            base_directory=series.source_path or os.fspath(Path.cwd()),
            output=os.fspath(output),
            database_url=self._config.database_url,
            arguments=sys.argv,
        )
        nursery = Nursery(self._leash, load, self._template)
        nursery.prepare()
        return IsolatedAttempts(nursery, self._config.execution, control)
