"""Rules that end a run before its series is done: too many failures, or too little time."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Iterable

from experiments.execution.options import StopRule
from experiments.units import duration_text

#: Half of all experiments take longer than the typical one, and recording takes time too.
_TYPICAL_FACTOR, _MARGIN_S = 1.1, 1.0
#: The typical duration is the median of this many of the latest experiments.
_SAMPLE = 200


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
        return f"{failed} experiments failed (stop_after: {limit})" if failed >= limit else None
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
        self._deadline = time.monotonic() + max_time_s if max_time_s is not None else None
        self._durations: deque[float] = deque(maxlen=_SAMPLE)

    def learn(self, durations: Iterable[float]) -> None:
        """Add durations of experiments, in seconds."""
        self._durations.extend(durations)

    def is_over(self) -> bool:
        """Return whether the time is up."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    def too_short(self) -> str | None:
        """Return why no experiment should begin, or None when there is time for a typical one."""
        if self._deadline is None:
            return None
        left_s = self._deadline - time.monotonic()
        typical_s = statistics.median(self._durations) if self._durations else 0.0
        if left_s > _TYPICAL_FACTOR * typical_s + _MARGIN_S:
            return None
        assert self._max_time_s is not None
        limit = f"max-time of {duration_text(self._max_time_s)}"
        if left_s <= 0:
            return f"the {limit} is over"
        return (
            f"what is left of the {limit} is too short for a typical experiment ({duration_text(typical_s)})"
        )
