"""The rate at which experiments end, and how long the rest will take."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from statistics import median

#: The rate is computed over this many seconds, or this many experiments if that takes longer.
_WINDOW_S = 30.0
_WINDOW_ENDS = 10


class RateWindow:
    """The rate over a sliding window: of time for short experiments, of their number for long ones."""

    def __init__(self) -> None:
        self._history: deque[tuple[float, int]] = deque()

    def add(self, now: float, finished: int) -> None:
        """Add how many have ended until `now`, in seconds of a monotonic clock."""
        history = self._history
        if len(history) > 1 and history[-1][1] == history[-2][1] == finished:
            history.pop()  # while none ends, only the last time is kept
        history.append((now, finished))
        while (
            len(history) > 2 and now - history[1][0] > _WINDOW_S and finished - history[1][1] >= _WINDOW_ENDS
        ):
            history.popleft()

    @property
    def ended(self) -> int:
        """The number of experiments that ended within the window."""
        return max(0, self._history[-1][1] - self._history[0][1]) if self._history else 0

    @property
    def per_s(self) -> float:
        """The number of experiments that end per second; 0 before the first end."""
        if len(self._history) < 2:
            return 0.0
        elapsed_s = self._history[-1][0] - self._history[0][0]
        return self.ended / elapsed_s if elapsed_s > 0 else 0.0


def remaining_s(
    pending: int,
    running: int,
    *,
    ages_s: Sequence[float],
    slots: int,
    durations_s: Sequence[float],
    rate: RateWindow,
) -> float | None:
    """Estimate how long the rest will take, in seconds; None while there are no data.

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
    durations_s : sequence of float
        How long others have taken, in seconds.
    rate : RateWindow
        The rate at which they ended.
    """
    if not pending and not running:
        return 0.0
    slots = max(1, slots, running)
    if pending >= 2 * slots and rate.ended >= max(_WINDOW_ENDS, 3 * slots) and rate.per_s:
        return (pending + running) / rate.per_s
    if not durations_s:
        return None
    known = sorted(durations_s)
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


def _until_end(age_s: float, known: Sequence[float]) -> float | None:
    """Return the median of the remaining time of those that took longer; None when none did."""
    longer = known[bisect_right(known, age_s) :]
    return median(longer) - age_s if longer else None
