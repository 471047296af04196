"""What an executor is asked to do, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from database.claims.runners import Provenance
from experiments.execution.options import Execution, StopRule
from experiments.output.results_folder import ResultsFolder


@dataclass(frozen=True)
class Assignment:
    """A series to work off.

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
    workers : int
        How many processes; 0 runs everything in this one.
    execution : Execution
        How experiments are run.
    grace_s : float
        How long running experiments may go on after SIGTERM or SIGHUP.
    start_method : str
        ``forkserver`` or ``spawn``.
    stop_rule : StopRule or None
        When to give up because too many have failed.
    canary : bool
        Run one experiment of each configuration first, and stop if one of them fails.
    max_time_s : float or None
        Begin nothing that would probably not end within this time.
    """

    series_id: int
    series_name: str
    series_folder: str
    database_url: str
    folder: ResultsFolder
    provenance: Provenance
    workers: int = 1
    execution: Execution = field(default_factory=Execution)
    grace_s: float = 20.0
    start_method: str = "forkserver"
    stop_rule: StopRule | None = None
    canary: bool = False
    max_time_s: float | None = None


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
        What it is at; None between two experiments.
    busy_s : float
        How long it has been at it, in seconds.
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
        For how long the database has not answered; 0 when it does.
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
        The rule that stopped it, as a sentence for people.
    waiting : int or None
        When the database was away at the end: how many finished results are left in the journals.
    """

    stopped_by: int | None = None
    runner_ids: tuple[str, ...] = ()
    rule: str | None = None
    waiting: int | None = None
