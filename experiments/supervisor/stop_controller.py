"""When a run stops: signals, rules and the canary, the same for every executor."""

from __future__ import annotations

import signal
import statistics
from collections import deque
from collections.abc import Iterable

from database import clock
from database.claims.lookups import FirstExperiments
from database.counters import Counters
from experiments.execution.assignment import Assignment, Stage
from experiments.execution.options import StopRule
from experiments.processes.stop_signals import StopSignals
from experiments.units import duration_text, many

#: Half of all experiments take longer than the typical one, and recording takes time too.
_TYPICAL_FACTOR, _MARGIN_S = 1.1, 1.0
#: The typical duration is the median of this many of the latest experiments.
_SAMPLE = 200


class StopController:
    """Decides when a run drains, and when running experiments must end; the executor ends them.

    Parameters
    ----------
    assignment : Assignment
        Contains the rules and the grace time.
    signals : StopSignals
        Entered by the executor while it runs.

    Attributes
    ----------
    stage : Stage
        Never goes back.
    rule : str or None
        The rule that stops the run, as a sentence.
    canary : bool
        Whether only the first experiment of each configuration is claimed for now.
    interrupted : bool
        Whether KeyboardInterrupt stopped the run, where Ctrl-C is not counted as a signal.
    has_failure_rule : bool
        Whether `judge_failures` must be called at intervals.
    """

    def __init__(self, assignment: Assignment, signals: StopSignals) -> None:
        options = assignment.options
        self.signals = signals
        self.stage = Stage.RUNNING
        self.rule: str | None = None
        self.canary = options.canary
        self.interrupted = False
        self._failure_rule = assignment.execution.stop_rule
        self.has_failure_rule = self._failure_rule is not None
        self._too_many_failures: str | None = None
        self._budget = TimeBudget(options.max_time_s)
        self._grace_s = options.grace_s
        self._deadline: float | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether no further experiment may begin."""
        return bool(self.signals.received) or self.rule is not None

    @property
    def stopped_by(self) -> int | None:
        """The signal that stopped the run."""
        if self.signals.received:
            return self.signals.received[0]
        return int(signal.SIGINT) if self.interrupted else None

    def update(self) -> Stage:
        """Apply signals and rules, and return the stage."""
        if self.stage is Stage.RUNNING:
            if not self.is_stopping:
                self.rule = self._budget.too_short() or self._too_many_failures
            if self.is_stopping:
                self.stage = Stage.DRAINING
        elif self.stage is Stage.DRAINING and (len(self.signals.received) > 1 or self.is_overdue()):
            self.stage = Stage.KILLING
        return self.stage

    def is_overdue(self) -> bool:
        """Whether running experiments must end now: the grace time or the run's wall time is over."""
        # After Ctrl-C the user at the terminal decides; a batch system does not.
        if self._deadline is None and any(number != signal.SIGINT for number in self.signals.received):
            self._deadline = clock.monotonic() + self._grace_s
        return self._budget.is_over() or (self._deadline is not None and clock.monotonic() > self._deadline)

    def learn(self, durations_s: Iterable[float]) -> None:
        """Add durations of experiments, in seconds."""
        self._budget.learn(durations_s)

    def judge_failures(self, ended: Counters) -> None:
        """Apply the rule about failures to the experiments that this run has ended."""
        if self._failure_rule is not None:
            self._too_many_failures = failure_reason(
                self._failure_rule, failed=ended.failed, ended=ended.completed + ended.failed
            )

    def judge_canaries(self, first: FirstExperiments) -> None:
        """Allow all experiments once the first of each configuration has ended, whoever ran it."""
        if first.failed:
            self.rule = f"{first.failed} of the first experiments of each configuration failed (--canary)"
        self.canary = bool(first.awaited)


def failure_reason(rule: StopRule, *, failed: int, ended: int) -> str | None:
    """Return why a run must stop because of failures, or None when it need not.

    Parameters
    ----------
    failed, ended : int
        How many experiments have failed, and ended in any way, in this run.
    """
    if failed <= 0:
        return None
    if not rule.is_share:
        limit = int(rule.failed)
        return f"{many(failed, 'experiment')} failed (stop_after: {limit})" if failed >= limit else None
    if ended < rule.minimum or failed / ended < rule.failed:
        return None
    return f"{failed} of {ended} experiments failed (stop_after: {rule.failed:.0%})"


class TimeBudget:
    """How long a run with a limited wall time may still begin experiments.

    Parameters
    ----------
    max_time_s : float or None
        The run's wall time in seconds, from now.
    """

    def __init__(self, max_time_s: float | None) -> None:
        self._max_time_s = max_time_s
        self._deadline = clock.monotonic() + max_time_s if max_time_s is not None else None
        self._durations: deque[float] = deque(maxlen=_SAMPLE)

    def learn(self, durations: Iterable[float]) -> None:
        """Add durations of experiments, in seconds."""
        self._durations.extend(durations)

    def is_over(self) -> bool:
        """Return whether the time is up."""
        return self._deadline is not None and clock.monotonic() >= self._deadline

    def too_short(self) -> str | None:
        """Return why no experiment should begin, or None when there is time for a typical one."""
        if self._deadline is None:
            return None
        left_s = self._deadline - clock.monotonic()
        typical_s = statistics.median(self._durations) if self._durations else 0.0
        if left_s > _TYPICAL_FACTOR * typical_s + _MARGIN_S:
            return None
        assert self._max_time_s is not None
        limit = f"max-time of {duration_text(self._max_time_s)}"
        if left_s <= 0:
            return f"the {limit} is over"
        typical = f"for a typical experiment ({duration_text(typical_s)})"
        return f"what is left of the {limit} is too short {typical if self._durations else 'to begin one'}"
