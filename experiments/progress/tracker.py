"""Feeds a display from a runner's status and the database, and never blocks the runner.

Two threads: one polls the database, one draws. The runner's own thread only stores its latest status here:
neither a database that is away nor a terminal that accepts nothing can delay its heartbeat.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from functools import partial
from types import FrameType, TracebackType

from database import clock
from database.counters import StatusCounts
from database.engine.registry import current_url
from database.queries.overview import SeriesSummary
from database.settings import Settings
from experiments.execution.assignment import RunnerStatus, Stage
from experiments.progress.log_queue import LogQueue
from experiments.progress.model import Display, RunProgress, Slowest
from experiments.progress.poller import Poller, take_snapshot

#: How long `__exit__` waits for the last snapshot, and for the last drawing.
_LAST_POLL_S = 5.0
_LAST_DRAWING_S = 2.0
#: The same for the last snapshot while the database is known to be away.
_AWAY_POLL_S = 0.2
#: The interval of checking whether a watched series is over.
_CHECK_S = 0.1


class ProgressTracker:
    """Shows the progress of a run while entered.

    Parameters
    ----------
    poller : Poller
        Polls the database.
    display : Display
        Shows the progress.
    begun : float, optional
        When the command began, by `database.clock.monotonic`.
    status : RunnerStatus, optional
        Until the first that is observed.

    Attributes
    ----------
    failure : OSError or None
        Why drawing ended early: the display cannot be written to.
    """

    def __init__(
        self,
        poller: Poller,
        display: Display,
        *,
        begun: float | None = None,
        status: RunnerStatus | None = None,
    ) -> None:
        self._begun = begun
        self.failure: OSError | None = None
        self._poller = poller
        self._display = display
        self._status = status or RunnerStatus()
        self._observed_at = clock.monotonic()
        self._changed = threading.Event()
        self._closing = False
        self._shown = threading.Event()
        self._hidden = threading.Event()
        self._shown.set()
        self._log_queue = LogQueue(self._changed.set)
        self._thread = threading.Thread(target=self._draw, name="progress-drawing", daemon=True)

    def __enter__(self) -> ProgressTracker:
        self._log_queue.start()
        self._poller.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        self._poller.close(_AWAY_POLL_S if self._status.away_s else _LAST_POLL_S)
        self._closing = True
        self._shown.set()
        self._changed.set()
        self._thread.join(_LAST_DRAWING_S)
        self._log_queue.stop()

    def observe(self, status: RunnerStatus) -> None:
        """Store the runner's status; never blocks."""
        before, self._status, self._observed_at = self._status, status, clock.monotonic()
        if _stage(before) != _stage(status):
            self._changed.set()

    @property
    def counts(self) -> StatusCounts:
        """The latest known counts."""
        return self._poller.last.counts

    def hide(self, patience_s: float = 0.5) -> None:
        """Close the display until `show`; return when it is closed, or after `patience_s`."""
        self._hidden.clear()
        self._shown.clear()
        self._changed.set()
        self._hidden.wait(patience_s)

    def show(self) -> None:
        """Draw again after `hide`."""
        self._shown.set()

    def progress(self) -> RunProgress:
        """Return the latest known progress."""
        status, snapshot = self._status, self._poller.last
        rate = self._poller.rate
        return RunProgress(
            snapshot.series,
            snapshot.counts,
            status,
            elapsed_s=None if self._begun is None else clock.monotonic() - self._begun,
            rate_per_s=rate.per_s,
            remaining_s=snapshot.remaining_s(rate, len(status.workers)),
            slowest=self._slowest(status) or snapshot.slowest(),
            latest_failure=snapshot.latest_failure,
            silent_s=max(status.away_s, self._poller.silent_s),
            paused=snapshot.paused,
            runners=snapshot.runners,
        )

    def _slowest(self, status: RunnerStatus) -> Slowest | None:
        """Return this runner's slowest experiment, which is more recent than the database's."""
        busy = [
            (worker.busy_s, worker.experiment) for worker in status.workers if worker.experiment is not None
        ]
        if not busy:
            return None
        busy_s, experiment = max(busy)
        self._poller.wanted = frozenset({experiment} if busy_s > 1 else ())
        since_s = clock.monotonic() - self._observed_at
        return Slowest(experiment, busy_s + since_s, self._poller.last.parameters.get(experiment))

    def _draw(self) -> None:
        try:
            self._draw_until_closed()
        except OSError as error:  # the terminal is closed; the experiments continue
            self.failure = error

    def _draw_until_closed(self) -> None:
        draw_at = 0.0
        stage = None
        while True:
            self._changed.wait(max(0.0, draw_at - clock.monotonic()))
            self._changed.clear()
            closing = self._closing
            self._wait_while_hidden()
            for level, text in self._log_queue.take():
                self._display.message(level, text)
            now, status = clock.monotonic(), self._status
            is_due = self._display.draws_last if closing else now >= draw_at
            if is_due or _stage(status) != stage:
                self._display.update(self.progress())
                draw_at, stage = now + self._display.every_s, _stage(status)
            if closing:
                self._display.close()
                return

    def _wait_while_hidden(self) -> None:
        if not self._shown.is_set():
            self._display.close()
            self._hidden.set()
            self._shown.wait()


def _stage(status: RunnerStatus) -> tuple[Stage, str | None]:
    """Return what of a status is shown at once when it changes."""
    return status.stage, status.reason


@contextlib.contextmanager
def suspend_hint(tracker: ProgressTracker) -> Iterator[None]:
    """While entered, Ctrl-Z closes the display and prints a hint before it suspends as usual.

    Parameters
    ----------
    tracker : ProgressTracker
        Draws again when the process is resumed.
    """

    def suspend(number: int, _frame: FrameType | None) -> None:
        tracker.hide()
        with contextlib.suppress(OSError):
            os.write(2, f"\n{_hint()}\n".encode())
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # returns when the process is resumed
        signal.signal(number, suspend)
        tracker.show()

    on_terminal = threading.current_thread() is threading.main_thread() and sys.stderr.isatty()
    if not on_terminal or signal.getsignal(signal.SIGTSTP) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTSTP, suspend)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)


def _hint() -> str:
    """Return the effects of suspending, which depend on the database."""
    text = "suspended: the workers continue unsupervised (no limits, no replacement) until `fg`"
    if current_url().get_backend_name() == "sqlite":
        return text
    lease_s = Settings.from_environment().lease_s
    return (
        f"{text}; after {lease_s:g} s without a heartbeat runners on other hosts take its experiments over, "
        "and those that were running run again"
    )


def watch_series(summary: SeriesSummary, display: Display, every_s: float) -> None:
    """Show the progress of a series until it is over or deleted.

    Parameters
    ----------
    summary : SeriesSummary
        The current state of the series.
    every_s : float
        How often to poll, in seconds.

    Raises
    ------
    OSError
        The display cannot be written to any more.
    """
    poller = Poller(summary, partial(take_snapshot, count_runners=True), every_s)
    with ProgressTracker(poller, display) as tracker:
        while tracker.failure is None and not poller.is_deleted and not poller.last.is_over:
            clock.sleep(_CHECK_S)
    if tracker.failure is not None:
        raise tracker.failure
