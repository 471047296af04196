"""Looking at the database while a run goes on, in a thread of its own: it may wait, the run may not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from database.errors import ExperimentsError, NotFoundError
from database.queries.overview import StatusCounts, is_over, live_runners, series_summaries
from database.queries.pace import RunningNow, last_durations, running_now, varying_parameters
from database.session.lifecycle import scoped_session
from experiments.progress.estimate import Pace, Workload, remaining_s
from experiments.progress.model import Slowest

logger = logging.getLogger(__name__)

#: Looking takes at most this part of the time.
_SHARE_OF_TIME = 0.02
_LOOK_EVERY_S = 0.5
#: Who has run for less than this is not asked about.
_SLOW_S = 1.0
#: A database that takes less than this to answer is not away.
_PATIENCE_S = 2.0


@dataclass(frozen=True)
class Look:
    """What the database said of a series.

    Attributes
    ----------
    durations_s : list of float
        How long the last ones took.
    running : list of RunningNow
        What runs, on all runners; the longest first.
    parameters : dict
        Of those that were asked about, and of the one that has run for longest, by id.
    taken_at : float
        When it was asked, by `time.monotonic`.
    runners : int or None
        How many are at work on it; None when that was not asked.
    is_over : bool
        Nothing is left to do.
    """

    series: str
    counts: StatusCounts
    durations_s: list[float]
    running: list[RunningNow]
    parameters: dict[int, dict[str, Any]]
    paused: bool
    taken_at: float
    runners: int | None = None
    is_over: bool = False

    def slowest(self) -> Slowest | None:
        """Return the experiment that has been running for longest."""
        if not self.running:
            return None
        first = self.running[0]
        age_s = first.age_s + time.monotonic() - self.taken_at
        return Slowest(first.experiment_id, age_s, self.parameters.get(first.experiment_id))

    def remaining_s(self, pace: Pace, workers: int) -> float | None:
        """Estimate how long the rest will take from now on, in seconds."""
        since = time.monotonic() - self.taken_at
        work = Workload(
            self.counts.pending,
            self.counts.running,
            [one.age_s + since for one in self.running],
            slots=workers,
        )
        return remaining_s(work, self.durations_s, pace)


def take_look(series_id: int, wanted: Collection[int] = (), *, count_runners: bool = False) -> Look:
    """Ask the database; in a transaction of its own.

    Parameters
    ----------
    wanted : collection of int
        Experiments whose parameters are wanted too.
    count_runners : bool
        Ask also who is at work.

    Raises
    ------
    NotFoundError
        The series was deleted.
    """
    taken_at = time.monotonic()
    with scoped_session(read_only=True) as session:
        summaries = series_summaries(session, [series_id])
        if not summaries:
            raise NotFoundError("the series was deleted")
        [summary] = summaries
        running = running_now(session, series_id)
        asked = {*wanted, *(one.experiment_id for one in running[:1] if one.age_s > _SLOW_S)}
        return Look(
            summary.name,
            summary.counts,
            last_durations(session, series_id),
            running,
            varying_parameters(session, asked) if asked else {},
            summary.paused,
            taken_at,
            len(live_runners(session, series_id)) if count_runners else None,
            is_over(session, series_id),
        )


class Looker:
    """A thread that looks again and again, as often as is cheap.

    Parameters
    ----------
    series_id : int
        The series.
    look : callable
        `take_look`; gets the series and the experiments whose parameters are wanted.
    every_s : float
        The least time between two looks, in seconds.

    Attributes
    ----------
    last : Look or None
        The latest one; None before the first.
    pace : Pace
        Of all looks.
    wanted : frozenset of int
        Experiments whose parameters the next look should bring.
    is_deleted : bool
        The series is not there any more.
    """

    def __init__(
        self,
        series_id: int,
        look: Callable[[int, Collection[int]], Look] = take_look,
        every_s: float = _LOOK_EVERY_S,
    ) -> None:
        self._series_id = series_id
        self._look = look
        self._every_s = every_s
        self._closing = threading.Event()
        self._asked_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="progress-looks", daemon=True)
        self.last: Look | None = None
        self.pace = Pace()
        self.wanted: frozenset[int] = frozenset()
        self.is_deleted = False

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    @property
    def silent_s(self) -> float:
        """For how long the database has not answered, in seconds; 0 when it does."""
        asked_at = self._asked_at
        silent_s = 0.0 if asked_at is None else time.monotonic() - asked_at
        return silent_s if silent_s > _PATIENCE_S else 0.0

    def close(self, patience_s: float) -> None:
        """Look for the last time; a database that does not answer is left alone after `patience_s`."""
        self._closing.set()
        self._thread.join(patience_s)

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._closing.is_set()
            begun = time.monotonic()
            self._asked_at = self._asked_at or begun
            try:
                look = self._look(self._series_id, self.wanted)
            except NotFoundError:  # nothing more will come; a run finds out by itself
                self.is_deleted = True
                return
            except (SQLAlchemyError, ExperimentsError, OSError) as error:
                logger.debug("the progress could not be looked up: %s", error)
            else:
                self.pace.take(look.taken_at, look.counts.completed + look.counts.failed)
                self.last, self._asked_at = look, None
            if not is_last:
                self._closing.wait(max(self._every_s, (time.monotonic() - begun) / _SHARE_OF_TIME))
