"""What there is to see of a run at one moment, whoever looks and however it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from database.queries.overview import StatusCounts
from experiments.execution.assignment import Stage, WorkerView


@dataclass(frozen=True)
class Slowest:
    """The experiment that has been running for longest.

    Attributes
    ----------
    parameters : dict or None
        Nested, without those that are the same for all; None while they are not known.
    """

    experiment_id: int
    busy_s: float
    parameters: dict[str, Any] | None = None


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    counts : StatusCounts
        Of the whole series, by whichever runner.
    rate_per_s : float
        Experiments ended per second, lately, by all runners of the series.
    remaining_s : float or None
        How long the rest will take; None while it cannot be told.
    workers : tuple of WorkerView
        Of this runner; empty when somebody else's runner is watched.
    silent_s : float
        For how long the database has not answered; 0 when it does.
    waiting : int
        Finished results that wait in the journals for the database.
    reason : str or None
        Why the runner is stopping, if a rule made it.
    paused : bool
        A person paused the series.
    runners : int or None
        How many are at work on it; None where only one is looked at, from inside.
    """

    series: str
    counts: StatusCounts
    rate_per_s: float = 0.0
    remaining_s: float | None = None
    stage: Stage = Stage.RUNNING
    slowest: Slowest | None = None
    workers: tuple[WorkerView, ...] = ()
    silent_s: float = 0.0
    waiting: int = 0
    reason: str | None = None
    paused: bool = False
    runners: int | None = None

    @property
    def done(self) -> int:
        """How many have come to their end by themselves; what was cancelled has not."""
        return self.counts.completed + self.counts.failed

    @property
    def wanted(self) -> int:
        """Of how many: all that nobody has cancelled."""
        return self.counts.experiments - self.counts.cancelled

    @property
    def left(self) -> int:
        """How many have not ended."""
        return self.counts.pending + self.counts.running


class Display(Protocol):
    """Shows progress to a person, a log or a program; used by one thread at a time.

    Attributes
    ----------
    every_s : float
        How often it wants to be told.
    draws_last : bool
        Whether it shows how things stand at the very end; the summary repeats it.
    """

    every_s: float
    draws_last: bool

    def update(self, progress: Progress) -> None:
        """Show the progress; after `close`, begin anew."""

    def tell(self, level: str, message: str) -> None:
        """Show a message of the program, without disturbing the rest."""

    def close(self) -> None:
        """Show nothing more for now."""

    def end(self, summary: Mapping[str, Any]) -> None:
        """Take in what came of the run, as plain data."""
