"""What an executor is asked to do, what it shows of itself meanwhile, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from database.claims.runners import Provenance
from experiments.execution.options import Execution, RunOptions
from experiments.output.results_folder import ResultsFolder


@dataclass(frozen=True)
class Assignment:
    """A series to work off on this host.

    Attributes
    ----------
    series_id, series_name : int, str
        The series; its name may change while it is worked off.
    series_folder : str
        What its logs and files lie in, below `folder`.
    database_url : str
        Where it is recorded; handed to the workers.
    folder : ResultsFolder
        Where logs, files and journals go.
    provenance : Provenance
        Who runs it with which code.
    executor : str
        Which executor works it, a name of `experiments.executors.choice`.
    workers : int
        How many processes, where the executor has any.
    start_method : str
        ``forkserver`` or ``spawn``.
    execution : Execution
        How experiments are run, as the series file says.
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
    workers: int = 1
    start_method: str = "forkserver"
    execution: Execution = field(default_factory=Execution)
    options: RunOptions = field(default_factory=RunOptions)


class Stage(Enum):
    """What the runner is doing about its experiments."""

    RUNNING = "running"
    DRAINING = "finishing what runs"
    KILLING = "stopping at once"


@dataclass(frozen=True)
class WorkerStatus:
    """What a supervisor sees of one worker.

    Attributes
    ----------
    experiment_id, attempt_number : int or None
        What it runs; None between two experiments.
    busy_s : float
        How long it has been running that, in seconds.
    memory_bytes : int or None
        What its processes take together; None where that cannot be seen.
    """

    worker_id: str
    pid: int | None
    experiment_id: int | None = None
    attempt_number: int | None = None
    busy_s: float = 0.0
    memory_bytes: int | None = None


@dataclass(frozen=True)
class RunnerStatus:
    """What a runner shows of itself at one moment.

    Attributes
    ----------
    stage : Stage
        What it is doing.
    workers : tuple of WorkerStatus
        Its workers; empty when it runs everything in one process.
    away_s : float
        For how long the database has not answered, in seconds; 0 when it does.
    waiting : int
        Finished results that wait in the journals for the database, while it is away.
    reason : str or None
        Why it is stopping, if a rule made it.
    """

    stage: Stage = Stage.RUNNING
    workers: tuple[WorkerStatus, ...] = ()
    away_s: float = 0.0
    waiting: int = 0
    reason: str | None = None


#: Called often; whoever draws the progress decides how often to look. Must not block.
Observer = Callable[[RunnerStatus], None]


@dataclass(frozen=True)
class Ending:
    """How an executor ended.

    Attributes
    ----------
    stopped_by : int or None
        The signal that asked it to stop; None when nothing was left to do.
    runner_ids : tuple of str
        The runners it was: more than one when it was declared dead in between.
    rule : str or None
        The rule that stopped it, as a sentence for the user.
    waiting : int or None
        When the database was away at the end: how many finished results are left in the journals.
    """

    stopped_by: int | None = None
    runner_ids: tuple[str, ...] = ()
    rule: str | None = None
    waiting: int | None = None
