"""Feeds a display with what a runner says of itself and what the database says, and never holds up either.

Two threads: one looks at the database, one draws. The runner's own thread only leaves its latest
view here: neither a database that is away nor a terminal that takes nothing can silence its heartbeat.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from types import TracebackType

from database.queries.overview import StatusCounts
from experiments.execution.assignment import Stage, View
from experiments.progress.log_queue import Messages
from experiments.progress.model import Display, Progress, Slowest
from experiments.progress.poller import Looker

#: How long the end waits for the last look, and for the last drawing.
_LAST_LOOK_S = 5.0
_LAST_DRAWING_S = 2.0
#: And for a look at a database that is known to be away.
_AWAY_LOOK_S = 0.2


class ProgressTracker:
    """Shows the progress of a run while entered.

    Parameters
    ----------
    series_id, name : int, str
        The series.
    counts : StatusCounts
        Of the series at the beginning.
    display : Display
        What shows it.
    looker : Looker, optional
        What looks at the database.

    Attributes
    ----------
    failure : OSError or None
        Why nothing is drawn any more, when the display cannot be reached.
    """

    def __init__(
        self,
        series_id: int,
        name: str,
        counts: StatusCounts,
        display: Display,
        *,
        looker: Looker | None = None,
    ) -> None:
        self.failure: OSError | None = None
        self._name = name
        self._counts = counts
        self._display = display
        self._looker = looker or Looker(series_id)
        self._view = View(Stage.RUNNING)
        self._viewed_at = time.monotonic()
        self._changed = threading.Event()
        self._closing = False
        self._shown = threading.Event()
        self._hidden = threading.Event()
        self._shown.set()
        self._messages = Messages(self._changed.set)
        self._thread = threading.Thread(target=self._draw_on, name="progress-drawing", daemon=True)

    def __enter__(self) -> ProgressTracker:
        self._messages.start()
        self._looker.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        self._looker.close(_AWAY_LOOK_S if self._view.away_s else _LAST_LOOK_S)
        self._closing = True
        self._shown.set()
        self._changed.set()
        self._thread.join(_LAST_DRAWING_S)
        self._messages.close()

    def observe(self, view: View) -> None:
        """Take in what the runner says of itself; returns at once."""
        before, self._view, self._viewed_at = self._view, view, time.monotonic()
        if (before.stage, before.reason) != (view.stage, view.reason):
            self._changed.set()

    @property
    def counts(self) -> StatusCounts:
        """The latest counts that are known."""
        look = self._looker.last
        return self._counts if look is None else look.counts

    def hide(self, patience_s: float = 0.5) -> None:
        """Take the display away until `show`; returns when it is gone, or after `patience_s`."""
        self._hidden.clear()
        self._shown.clear()
        self._changed.set()
        self._hidden.wait(patience_s)

    def show(self) -> None:
        """Draw again."""
        self._shown.set()

    def progress(self) -> Progress:
        """Return what there is to see now."""
        view, look = self._view, self._looker.last
        silent_s = max(view.away_s, self._looker.silent_s)
        shown = Progress(
            self._name,
            self._counts,
            stage=view.stage,
            workers=view.workers,
            silent_s=silent_s,
            waiting=view.waiting,
            reason=view.reason,
        )
        slowest = self._slowest(view)
        if look is None:
            return replace(shown, slowest=slowest)
        pace = self._looker.pace
        return replace(
            shown,
            series=look.series,
            counts=look.counts,
            rate_per_s=pace.per_s,
            remaining_s=look.remaining_s(pace, len(view.workers)),
            slowest=slowest or look.slowest(),
            paused=look.paused,
            runners=look.runners,
        )

    def _slowest(self, view: View) -> Slowest | None:
        """Return this runner's slowest experiment; the database knows of all, but later."""
        busy = [worker for worker in view.workers if worker.experiment_id is not None]
        if not busy:
            return None
        slowest = max(busy, key=lambda worker: worker.busy_s)
        assert slowest.experiment_id is not None
        self._looker.wanted = frozenset({slowest.experiment_id} if slowest.busy_s > 1 else ())
        look = self._looker.last
        parameters = look.parameters.get(slowest.experiment_id) if look is not None else None
        since_s = time.monotonic() - self._viewed_at
        return Slowest(slowest.experiment_id, slowest.busy_s + since_s, parameters)

    def _draw_on(self) -> None:
        try:
            self._draw_until_end()
        except OSError as error:  # the terminal is gone; the experiments are not
            self.failure = error

    def _draw_until_end(self) -> None:
        draw_at = 0.0
        stage = None
        while True:
            self._changed.wait(max(0.0, draw_at - time.monotonic()))
            self._changed.clear()
            closing = self._closing
            self._wait_while_hidden()
            for level, message in self._messages.take():
                self._display.tell(level, message)
            now, view = time.monotonic(), self._view
            is_due = self._display.draws_last if closing else now >= draw_at
            if is_due or (view.stage, view.reason) != stage:
                self._display.update(self.progress())
                draw_at, stage = now + self._display.every_s, (view.stage, view.reason)
            if closing:
                self._display.close()
                return

    def _wait_while_hidden(self) -> None:
        if not self._shown.is_set():
            self._display.close()
            self._hidden.set()
            self._shown.wait()
