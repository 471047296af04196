"""The rate at which experiments complete, and how long the rest will take.

Experiments that fail at once say nothing about how long others take. One that failed counts as the part of a
completed one that it took, at most as one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from statistics import fmean, median

from database.queries.throughput import Durations

#: The rate is computed over this many seconds, or this many completed experiments if that takes longer.
_WINDOW_S = 30.0
_WINDOW_ENDS = 10


class RateWindow:
    """The rate over a sliding window: of time for short experiments, of their number for long ones."""

    def __init__(self) -> None:
        self._history: deque[tuple[float, int, int]] = deque()

    def add(self, now: float, completed: int, failed: int = 0) -> None:
        """Add how many have ended until `now`, in seconds of a monotonic clock."""
        history = self._history
        if len(history) > 1 and history[-1][1] == history[-2][1] == completed:
            history.pop()  # while none completes, only the last time is kept
        history.append((now, completed, failed))
        while (
            len(history) > 2 and now - history[1][0] > _WINDOW_S and completed - history[1][1] >= _WINDOW_ENDS
        ):
            history.popleft()

    @property
    def completed(self) -> int:
        """The number of experiments that completed within the window."""
        return max(0, self._history[-1][1] - self._history[0][1]) if self._history else 0

    @property
    def failed(self) -> int:
        """The number of experiments that failed within the window."""
        return max(0, self._history[-1][2] - self._history[0][2]) if self._history else 0

    @property
    def elapsed_s(self) -> float:
        """The length of the window, in seconds."""
        return self._history[-1][0] - self._history[0][0] if self._history else 0.0

    @property
    def per_s(self) -> float:
        """The number of experiments that complete per second; 0 before the first."""
        return self.completed / self.elapsed_s if self.elapsed_s > 0 else 0.0


def remaining_s(
    pending: int,
    running: int,
    *,
    ages_s: Sequence[float],
    slots: int,
    durations: Durations,
    rate: RateWindow,
) -> float | None:
    """Estimate how long the rest will take, in seconds; None while none has completed, or one takes longest.

    While many are left, the rate is used, which includes the time between experiments. For a few
    long ones it follows from the median duration of others, how many run at a time, and how long they
    have run.

    Parameters
    ----------
    pending, running : int
        Numbers of experiments.
    ages_s : sequence of float
        How long running experiments have run, in seconds, as far as known.
    slots : int
        How many can run at a time.
    durations : Durations
        How long others have taken.
    rate : RateWindow
        The rate at which they ended.
    """
    if not pending and not running:
        return 0.0
    slots = max(1, slots, running)
    if not durations.completed:
        return None
    typical_s = median(durations.completed)
    done = rate.completed + rate.failed * _part(durations.failed, typical_s)
    if pending >= 2 * slots and done >= max(_WINDOW_ENDS, 3 * slots) and rate.elapsed_s > 0:
        return (pending + running) * rate.elapsed_s / done
    known = sorted(
        [*durations.completed, *(failed_s for failed_s in durations.failed if failed_s >= typical_s)]
    )
    typical_s = median(known)
    ends = [_until_end(age_s, known) for age_s in list(ages_s)[:running]]
    if not pending and None in ends:
        return None  # no earlier experiment has taken this long
    free_at = [end or 0.0 for end in ends]
    free_at += [typical_s / 2] * (running - len(free_at))
    free_at = sorted(free_at + [0.0] * (slots - len(free_at)))
    rounds, rest = divmod(pending, slots)
    last = free_at[-1] + rounds * typical_s
    return max(last, free_at[rest - 1] + (rounds + 1) * typical_s) if rest else last


def _part(failed_s: Sequence[float], typical_s: float) -> float:
    """Return which part of a typical completed experiment those that failed took on average, at most 1."""
    if not failed_s or typical_s <= 0:
        return 1.0
    return fmean(min(1.0, duration_s / typical_s) for duration_s in failed_s)


def _until_end(age_s: float, known: Sequence[float]) -> float | None:
    """Return the median of the remaining time of those that took longer; None when none did."""
    longer = known[bisect_right(known, age_s) :]
    return median(longer) - age_s if longer else None
