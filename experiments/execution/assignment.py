"""The assignment of an executor, its status while it runs, and its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from database.claims.runners import Provenance
from experiments.execution.options import Execution, RunOptions
from experiments.output.results_folder import ResultsFolder


@dataclass(frozen=True)
class Assignment:
    """A series to run on this host.

    Attributes
    ----------
    series_id, series_name : int, str
        The series; its name may change while it runs.
    series_folder : str
        The folder of its logs and files, below `folder`.
    database_url : str
        Where it is recorded; passed to the workers.
    folder : ResultsFolder
        Where logs, files and journals go.
    provenance : Provenance
        The user, the host and the version of the code.
    code : mapping
        The digests of the files of its code when the run began, by path relative to the project.
    executor : str
        The name of the executor, from `experiments.executors.choice`.
    workers : int
        The number of worker processes, for executors that have any.
    start_method : str
        ``forkserver`` or ``spawn``.
    execution : Execution
        How experiments are run, from the series file.
    options : RunOptions
        How the run was asked for.
    """

    series_id: int
    series_name: str
    series_folder: str
    database_url: str
    folder: ResultsFolder
    provenance: Provenance
    executor: str
    code: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    start_method: str = "forkserver"
    execution: Execution = field(default_factory=Execution)
    options: RunOptions = field(default_factory=RunOptions)


class Stage(Enum):
    """The stage of a runner: running, draining or killing; with the remark that shows it."""

    RUNNING = ""
    DRAINING = "finishing what runs; Ctrl-C again stops at once"
    KILLING = "stopping at once"


@dataclass(frozen=True)
class WorkerStatus:
    """The status of one worker.

    Attributes
    ----------
    pid : int or None
        Its process.
    experiment, attempt : int or None
        The id of the experiment and the number of the attempt that it runs; None between two experiments.
    busy_s : float
        How long the attempt has run, in seconds.
    memory_bytes : int or None
        The memory of its processes together; None where it cannot be measured.
    """

    pid: int | None
    experiment: int | None = None
    attempt: int | None = None
    busy_s: float = 0.0
    memory_bytes: int | None = None


@dataclass(frozen=True)
class RunnerStatus:
    """The status of a runner at one moment.

    Attributes
    ----------
    stage : Stage
        Its stage.
    workers : tuple of WorkerStatus
        Its workers; empty for the serial executor.
    away_s : float
        For how long the database has not answered, in seconds; 0 when it does.
    waiting : int
        Finished results that wait in the journals for the database, while it is away.
    reason : str or None
        The rule by which it is stopping, if any.
    starting : int
        The number of workers that are being started, while none has begun an experiment; else 0.
    """

    stage: Stage = Stage.RUNNING
    workers: tuple[WorkerStatus, ...] = ()
    away_s: float = 0.0
    waiting: int = 0
    reason: str | None = None
    starting: int = 0


#: Called often, and must not block; the display decides how often it draws.
Observer = Callable[[RunnerStatus], None]


@dataclass(frozen=True)
class Ending:
    """How an executor ended.

    Attributes
    ----------
    stopped_by : int or None
        The signal that asked it to stop; None when nothing was left to do.
    runner_ids : tuple of str
        The ids it was registered under: several if it was declared dead meanwhile.
    rule : str or None
        The rule that stopped it, as a sentence for the user.
    waiting : int or None
        When the database was away at the end: how many finished results are left in the journals.
    """

    stopped_by: int | None = None
    runner_ids: tuple[str, ...] = ()
    rule: str | None = None
    waiting: int | None = None
