"""How experiments are run: the resolved `execute` section, as plain data that crosses process borders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from database.claims.types import RetryPolicy


@dataclass(frozen=True)
class Execution:
    """What supervisor and workers both know about running one experiment.

    Attributes
    ----------
    isolation : str
        ``pool``: a worker runs many experiments. ``process``: each one has a fresh process.
    timeout_s : float or None
        How long an attempt may take.
    memory_bytes : int or None
        How much resident memory an experiment's processes may take together.
    threads : int or None
        The cap on the threads of numerical libraries in each worker; None leaves them alone.
    preload : bool
        Import the target's module once, in the server that new processes are forked from.
    recycle_after : int or None
        A worker is replaced after so many experiments.
    recycle_growth_bytes : int or None
        A worker is replaced when its memory has grown by so much since its first experiment.
    policy : RetryPolicy
        What is tried again, and how often.
    """

    isolation: Literal["pool", "process"] = "pool"
    timeout_s: float | None = None
    memory_bytes: int | None = None
    threads: int | None = None
    preload: bool = False
    recycle_after: int | None = None
    recycle_growth_bytes: int | None = None
    policy: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True)
class StopRule:
    """When a run gives up: too many of the experiments that it ended have failed.

    Attributes
    ----------
    failed : float
        A count when `is_share` is false, otherwise a share between 0 and 1 of what has ended.
    is_share : bool
        Which of the two `failed` is.
    minimum : int
        A share is not looked at before so many have ended.
    """

    failed: float
    is_share: bool
    minimum: int = 1
