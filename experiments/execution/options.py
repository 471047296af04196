"""The options of a run and of its experiments: plain data that crosses process borders."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from database.claims.types import RetryPolicy


@dataclass(frozen=True)
class RunOptions:
    """The options of a run; passed on as a whole, also to its workers.

    What is not given here comes from the series file.

    Attributes
    ----------
    workers : int or None
        Worker processes; 0 runs everything in this process. By default `execute.workers`, and one
        per core when that is ``auto``.
    grace_s : float
        How long running experiments may continue after SIGTERM or SIGHUP, in seconds.
    results_directory : Path or None
        Where logs and files go; by default EXPERIMENTS_RESULTS or beside the SQLite file.
    arguments : list of str
        The command line, for the record.
    canary : bool
        Run one experiment of each configuration first, and stop if one of them fails. In a worker's
        options: claim only those for now.
    max_time_s : float or None
        Begin no experiment that would probably not end within this time, in seconds.
    accept_code : bool
        Record that this user accepts the code on disk and all that the series has run as one.
    """

    workers: int | None = None
    grace_s: float = 20.0
    results_directory: Path | None = None
    arguments: list[str] = field(default_factory=lambda: list(sys.argv))
    canary: bool = False
    max_time_s: float | None = None
    accept_code: bool = False


@dataclass(frozen=True)
class StopRule:
    """The rule that stops a run when too many of the experiments that it ended have failed.

    Attributes
    ----------
    failed : float
        A count when `is_share` is false, otherwise a share between 0 and 1 of what has ended.
    is_share : bool
        Which of the two `failed` is.
    minimum : int
        A share counts only once this many experiments have ended.
    """

    failed: float
    is_share: bool
    minimum: int = 1


@dataclass(frozen=True)
class Execution:
    """How experiments are run: the resolved `execute` section of a series file.

    Attributes
    ----------
    isolation : str
        ``pool``: a worker runs many experiments. ``process``: each one has a fresh process.
    timeout_s : float or None
        How long an attempt may take.
    memory_bytes : int or None
        How much resident memory an experiment's processes may take together.
    threads : int or None
        The cap on the threads of numerical libraries in each worker; None for no cap.
    preload : bool
        Import the target's module once, in the server that new processes are forked from.
    recycle_after : int or None
        A worker is replaced after this many experiments.
    recycle_growth_bytes : int or None
        A worker is replaced when its memory has grown by this much since its first experiment.
    policy : RetryPolicy
        Which outcomes are retried, and how often.
    stop_rule : StopRule or None
        When to stop because too many experiments have failed.
    code : str
        What a run does when completed experiments ran other code: ``warn``, ``refuse`` or ``ignore``.
    """

    isolation: Literal["pool", "process"] = "pool"
    timeout_s: float | None = None
    memory_bytes: int | None = None
    threads: int | None = 1
    preload: bool = False
    recycle_after: int | None = None
    recycle_growth_bytes: int | None = None
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    stop_rule: StopRule | None = None
    code: Literal["warn", "refuse", "ignore"] = "warn"
