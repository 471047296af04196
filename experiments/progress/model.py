"""The progress of a run at one moment, and the base class of displays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from database.counters import StatusCounts
from database.queries.throughput import LatestFailure
from experiments.execution.assignment import RunnerStatus


@dataclass(frozen=True)
class Slowest:
    """The experiment that has run longest.

    Attributes
    ----------
    experiment : int
        Its id.
    busy_s : float
        How long it has run, in seconds.
    parameters : dict or None
        Nested, without those that are the same for all; None while unknown.
    """

    experiment: int
    busy_s: float
    parameters: dict[str, Any] | None = None


@dataclass(frozen=True)
class RunProgress:
    """The progress of a run.

    Attributes
    ----------
    counts : StatusCounts
        Of the whole series, whichever runner works on it.
    status : RunnerStatus
        Of this runner; without workers when another process shows the series.
    elapsed_s : float or None
        How long the command has run; None when another process shows the series.
    rate_per_s : float
        Experiments that recently completed per second, by all runners of the series.
    remaining_s : float or None
        How long the rest will take; None while unknown.
    latest_failure : LatestFailure or None
        The last failure, if any.
    silent_s : float
        How long the database has not answered; 0 while it does.
    paused : bool
        The series was paused.
    runners : int or None
        The number of its live runners; None when a runner itself shows the progress.
    """

    series: str
    counts: StatusCounts
    status: RunnerStatus = field(default_factory=RunnerStatus)
    elapsed_s: float | None = None
    rate_per_s: float = 0.0
    remaining_s: float | None = None
    slowest: Slowest | None = None
    latest_failure: LatestFailure | None = None
    silent_s: float = 0.0
    paused: bool = False
    runners: int | None = None

    @property
    def done(self) -> int:
        """The number of completed and failed experiments, without cancelled ones."""
        return self.counts.completed + self.counts.failed

    @property
    def wanted(self) -> int:
        """The number of all experiments, without cancelled ones."""
        return self.counts.experiments - self.counts.cancelled

    @property
    def left(self) -> int:
        """The number of experiments that have not ended."""
        return self.counts.pending + self.counts.running

    @property
    def starting(self) -> int:
        """The number of workers that are being started, while no experiment has begun."""
        return min(self.status.starting, self.counts.pending)


class Display(ABC):
    """Shows progress on a terminal, in a log or to a program; used by one thread at a time.

    Attributes
    ----------
    every_s : float
        How often it is to be updated, in seconds.
    draws_last : bool
        Whether it shows the final state, which the summary repeats.
    is_live : bool
        Whether it redraws in place, so that nothing else may be written to the terminal.
    told_after_s : float
        How long a preparation must take to be told, in seconds.
    """

    every_s: float
    told_after_s = 2.0
    draws_last = False
    is_live = False

    @abstractmethod
    def update(self, progress: RunProgress) -> None:
        """Show the progress; after `close`, start again."""

    def begin_preparation(self, text: str) -> None:  # noqa: B027 - as below
        """Tell what is done before the experiments start, which takes some time."""

    def end_preparation(self) -> None:  # noqa: B027 - most displays have nothing to take away
        """Take the text of a preparation away."""

    @abstractmethod
    def message(self, level: str, text: str) -> None:
        """Show a log message without damaging the display."""

    def close(self) -> None:  # noqa: B027 - most displays have nothing to close
        """Stop showing until the next update."""

    def end(self, summary: Mapping[str, Any]) -> None:  # noqa: B027 - the command prints the summary
        """Show the summary of the run, given as plain data."""
