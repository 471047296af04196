"""The configuration of a worker: plain data that crosses a process border."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from database.engine.registry import current_url
from database.engine.wrong_use import described
from database.errors import ExperimentsError
from database.settings import normalise_url, results_directory
from database.suggestions import suggestion
from experiments.execution.options import Execution, RunOptions
from experiments.output.results_folder import ResultsFolder


class WorkerConfigError(ExperimentsError, ValueError):
    """The configuration of a worker has an unknown entry."""


@dataclass(frozen=True)
class WorkerConfig:
    """How a worker reaches its database and its supervisor.

    Attributes
    ----------
    database_url : str or None
        The database; by default the process's (`configure`, EXPERIMENTS_DATABASE_URL, or the file
        ``results/experiments.db``).
    results_directory : str or None
        Where logs and files go; by default EXPERIMENTS_RESULTS or beside the SQLite file.
    runner_id, worker_id : str or None
        The ids of this worker and its runner. Without them it has no supervisor and registers itself.
    name : str
        The series.
    series_id : int or None
        Its row: set by supervisors, because a name may change. By default the series is looked up by name.
    control : Connection or None
        The supervisor's pipe: any message on it means to stop after the running experiment.
    git_commit : str or None
        What is checked out in the folder of the series, if anything.
    execution : Execution
        How experiments are run.
    options : RunOptions
        How the run was asked for, as far as it concerns its workers now.
    """

    database_url: str | None = None
    results_directory: str | None = None
    runner_id: str | None = None
    worker_id: str | None = None
    name: str = ""
    series_id: int | None = None
    control: Connection | None = None
    git_commit: str | None = None
    execution: Execution = field(default_factory=Execution)
    options: RunOptions = field(default_factory=RunOptions)

    @classmethod
    def of(cls, config: WorkerConfig | Mapping[str, Any] | None) -> WorkerConfig:
        """Return a configuration from `config`: itself, a mapping of its names, or None for the defaults.

        Raises
        ------
        WorkerConfigError
            It is something else, or a key is unknown; the message names the nearest one.
        """
        if config is None:
            return cls()
        if isinstance(config, WorkerConfig):
            return config
        if not isinstance(config, Mapping):
            raise WorkerConfigError(
                f"the configuration of a worker is a WorkerConfig or a mapping, not {described(config)}"
            )
        valid = [field.name for field in fields(cls)]
        for key in config:
            if key not in valid:
                raise WorkerConfigError(
                    f"unknown entry {key!r} in a worker's configuration; {suggestion(str(key), valid)}"
                )
        return cls(**config)

    def identity(self) -> tuple[str, str]:
        """Return the ids of runner and worker.

        Raises
        ------
        WorkerConfigError
            They are missing: only `run_a_single_experiment` creates its own.
        """
        if self.runner_id is None or self.worker_id is None:
            raise WorkerConfigError(
                "this worker is not registered with a runner; write `run_a_single_experiment(name)`, which "
                "registers itself, opens its session and calls experiment_loop"
            )
        return self.runner_id, self.worker_id

    def folder(self) -> ResultsFolder:
        """Return the results folder."""
        if self.results_directory:
            return ResultsFolder(Path(self.results_directory).absolute())
        return ResultsFolder(results_directory(normalise_url(self.database_url or current_url())))

    def modules(self) -> Path:
        """Return the runner's folder of modules that `experiments.target.base.Target.load` takes."""
        return self.folder().modules(self.identity()[0])
