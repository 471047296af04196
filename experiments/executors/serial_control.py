"""What stops a run in one process: its rules, signals, and a clock that interrupts what goes on too long."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType, TracebackType

from database.counters import count_ended_by
from experiments.execution.assignment import Assignment, Observer, RunnerStatus, Stage
from experiments.execution.worker_control import Control
from experiments.journal import JournalReader
from experiments.processes.stop_signals import StopSignals
from experiments.supervisor.database_thread import Transactions
from experiments.supervisor.stop_rules import FailureRule, TimeBudget

#: How often the clock looks.
_TICK_S = 0.1


class SerialSignals(StopSignals):
    """SIGTERM and SIGHUP let the running experiment finish, the second one ends the process at once.

    Ctrl-C is left alone: in a person's own process it reaches the experiment.

    Attributes
    ----------
    may_interrupt : bool
        Whether an experiment is running, so that `interrupt` may raise KeyboardInterrupt there.
    """

    def __init__(self) -> None:
        super().__init__((signal.SIGTERM, signal.SIGHUP), limit=2)
        self.may_interrupt = False
        self._interrupts = False

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the experiment, from another thread; one that waits wakes up by it."""
        thread = threading.main_thread().ident
        if signal.SIGTERM in self._before and thread is not None:
            self._interrupts = True
            signal.pthread_kill(thread, signal.SIGTERM)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._interrupts:
            super()._handle(number, frame)
            return
        self._interrupts = False
        if self.may_interrupt:
            self.may_interrupt = False
            raise KeyboardInterrupt


class SerialControl(Control):
    """Says when nothing more is to be begun, as a supervisor would tell its workers.

    Parameters
    ----------
    assignment : Assignment
        With the rules.
    transactions : Transactions
        Of the session that the experiments' records use.
    runner_ids : callable
        Returns the runners that this run has been so far.
    """

    def __init__(
        self, assignment: Assignment, transactions: Transactions, runner_ids: Callable[[], tuple[str, ...]]
    ) -> None:
        super().__init__(None)
        self.signals = SerialSignals()
        self.budget = TimeBudget(assignment.max_time_s)
        self.rule: str | None = None
        self._failures = FailureRule(assignment.stop_rule)
        self._counts_failures = assignment.stop_rule is not None
        self._transactions = transactions
        self._runner_ids = runner_ids
        self._journal: JournalReader | None = None

    def follow(self, journal: JournalReader | None) -> None:
        """Learn from this worker's journal from now on; None when it has ended."""
        self._journal = journal

    def is_stopped(self) -> bool:
        """Whether to begin with nothing more."""
        return bool(self.signals.received) or self.rule is not None

    def is_ending(self) -> bool:
        """Apply the rules, too."""
        self.signals.may_interrupt = False
        if self._journal is not None:
            self._journal.poll()
            self.budget.learn(self._journal.take_durations())
            # Between two exchanges the database knows nothing new.
            if self._counts_failures and not self._journal.has_unrecorded:
                self._failures.judge(
                    self._transactions(partial(count_ended_by, runner_ids=self._runner_ids()))
                )
        if not self.is_stopped():
            self.rule = self.budget.too_short() or self._failures.verdict
        self.signals.may_interrupt = not self.is_stopped()
        return self.is_stopped()


class StopClock:
    """A thread that tells when the run is stopping, and interrupts what runs when its time is over.

    Parameters
    ----------
    control : SerialControl
        Has the signals and the time.
    grace_s : float
        How long what runs may go on after a signal.
    observe : callable
        Told of the stop.
    """

    def __init__(self, control: SerialControl, grace_s: float, observe: Observer) -> None:
        self._control = control
        self._grace_s = grace_s
        self._observe = observe
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="stop clock", daemon=True)

    def __enter__(self) -> StopClock:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        deadline: float | None = None
        while not self._ended.wait(_TICK_S):
            if deadline is None and self._control.signals.received:
                deadline = time.monotonic() + self._grace_s
                self._observe(RunnerStatus(Stage.DRAINING))
            overdue = deadline is not None and time.monotonic() > deadline
            if overdue or self._control.budget.is_over():
                self._control.signals.interrupt()
                return
