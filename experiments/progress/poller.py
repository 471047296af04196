"""Polling the database during a run, in a thread of its own: it may block, the run may not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from database import clock
from database.counters import StatusCounts
from database.errors import ExperimentsError, NotFoundError
from database.queries.overview import SeriesSummary, is_over, live_runners, series_summaries
from database.queries.throughput import (
    Durations,
    LatestFailure,
    RunningNow,
    last_durations,
    latest_failure,
    running_now,
    varying_parameters,
)
from database.session.lifecycle import scoped_session
from experiments.progress.estimate import RateWindow, remaining_s
from experiments.progress.model import Slowest
from experiments.series_file.axes import fixed_names

logger = logging.getLogger(__name__)

#: Polling takes at most this share of the time.
_SHARE_OF_TIME = 0.02
_POLL_EVERY_S = 0.5
#: Parameters of an experiment that has run for less than this are not read.
_SLOW_S = 1.0
#: A database that answers within this time is not reported as silent.
_PATIENCE_S = 2.0


@dataclass(frozen=True)
class Snapshot:
    """The state of a series in the database at one moment.

    Attributes
    ----------
    taken_at : float
        By `database.clock.monotonic`, in seconds.
    durations : Durations
        Of the last experiments that ended.
    running : sequence of RunningNow
        Running experiments of all runners, the longest first.
    parameters : mapping
        Of the requested experiments and of the one that has run longest, nested, by id.
    runners : int or None
        The number of its live runners; None when they were not counted.
    is_over : bool
        All experiments have ended.
    latest_failure : LatestFailure or None
        The last failure, if any.
    """

    series: str
    counts: StatusCounts
    paused: bool
    taken_at: float
    durations: Durations = field(default_factory=Durations)
    running: Sequence[RunningNow] = ()
    parameters: Mapping[int, dict[str, Any]] = field(default_factory=dict)
    runners: int | None = None
    is_over: bool = False
    latest_failure: LatestFailure | None = None

    def slowest(self) -> Slowest | None:
        """Return the experiment that has run longest."""
        if not self.running:
            return None
        first = self.running[0]
        age_s = first.age_s + clock.monotonic() - self.taken_at
        return Slowest(first.experiment_id, age_s, self.parameters.get(first.experiment_id))

    def remaining_s(self, rate: RateWindow, workers: int) -> float | None:
        """Estimate how long the rest will take from now, in seconds; None when that is unknown."""
        if self.runners == 0 and self.counts.pending + self.counts.running:
            return None  # until somebody runs it
        age_s = clock.monotonic() - self.taken_at
        return remaining_s(
            self.counts.pending,
            self.counts.running,
            ages_s=[experiment.age_s + age_s for experiment in self.running],
            slots=workers,
            durations=self.durations,
            rate=rate,
        )


def take_snapshot(series_id: int, wanted: Collection[int] = (), *, count_runners: bool = False) -> Snapshot:
    """Read the state of a series, in a transaction of its own.

    Parameters
    ----------
    wanted : collection of int
        Experiments whose parameters to read as well.
    count_runners : bool
        Count the live runners, too.

    Raises
    ------
    NotFoundError
        The series was deleted.
    """
    taken_at = clock.monotonic()
    with scoped_session(read_only=True) as session:
        summaries = series_summaries(session, [series_id])
        if not summaries:
            raise NotFoundError("the series was deleted")
        [summary] = summaries
        running = running_now(session, series_id)
        slowest = {experiment.experiment_id for experiment in running[:1] if experiment.age_s > _SLOW_S}
        requested = slowest.union(wanted)
        return Snapshot(
            summary.name,
            summary.counts,
            summary.paused,
            taken_at,
            last_durations(session, series_id),
            running,
            varying_parameters(session, requested, fixed_names) if requested else {},
            len(live_runners(session, series_id)) if count_runners else None,
            is_over(session, series_id),
            latest_failure(session, series_id),
        )


class Poller:
    """A thread that takes snapshots, at an interval that keeps their share of the time small.

    Parameters
    ----------
    summary : SeriesSummary
        The state of the series at the start.
    take : callable
        `take_snapshot`; gets the series and the experiments whose parameters to read.
    every_s : float
        The least time between two snapshots, in seconds.

    Attributes
    ----------
    last : Snapshot
        The latest snapshot; before the first, what is known from the summary.
    rate : RateWindow
        From all snapshots.
    wanted : frozenset of int
        Experiments whose parameters the next snapshot is to have.
    is_deleted : bool
        The series does not exist any more.
    """

    def __init__(
        self,
        summary: SeriesSummary,
        take: Callable[[int, Collection[int]], Snapshot] = take_snapshot,
        every_s: float = _POLL_EVERY_S,
    ) -> None:
        self._series_id = summary.id
        self._take = take
        self._every_s = every_s
        self._closing = threading.Event()
        self._asked_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="progress-poller", daemon=True)
        self.last = Snapshot(summary.name, summary.counts, summary.paused, clock.monotonic())
        self.rate = RateWindow()
        self.wanted: frozenset[int] = frozenset()
        self.is_deleted = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def silent_s(self) -> float:
        """How long the database has not answered, in seconds; 0 while it does."""
        asked_at = self._asked_at
        silent_s = 0.0 if asked_at is None else clock.monotonic() - asked_at
        return silent_s if silent_s > _PATIENCE_S else 0.0

    def close(self, patience_s: float) -> None:
        """Take the last snapshot; wait at most `patience_s` for a database that does not answer."""
        self._closing.set()
        self._thread.join(patience_s)

    def _run(self) -> None:
        is_last, cost_s = False, 0.0
        while not is_last:
            is_last = self._closing.is_set()
            begun = clock.monotonic()
            self._asked_at = self._asked_at or begun
            try:
                snapshot = self._take(self._series_id, self.wanted)
            except NotFoundError:  # a run detects this by itself
                self.is_deleted = True
                return
            except (SQLAlchemyError, ExperimentsError, OSError) as error:
                logger.debug("the progress could not be read: %s", error)
            else:
                self.rate.add(snapshot.taken_at, snapshot.counts.completed, snapshot.counts.failed)
                self.last, self._asked_at = snapshot, None
            if not is_last:
                # One that is slow by itself makes none late: the first compiles the statements.
                before_s, cost_s = cost_s, clock.monotonic() - begun
                self._closing.wait(max(self._every_s, min(before_s, cost_s) / _SHARE_OF_TIME))
