"""How fast experiments end, and how long the rest will take."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

#: The pace is that of the last so many seconds, or of the last so many experiments if that is longer.
_WINDOW_S = 30.0
_WINDOW_ENDS = 10


class Pace:
    """Experiments ended per second, lately: short ones by the clock, long ones by their number."""

    def __init__(self) -> None:
        self._history: deque[tuple[float, int]] = deque()

    def take(self, now: float, finished: int) -> None:
        """Note how many have ended until now (seconds of any clock that does not jump)."""
        history = self._history
        if len(history) > 1 and history[-1][1] == history[-2][1] == finished:
            history.pop()  # between two ends only the last moment matters
        history.append((now, finished))
        while (
            len(history) > 2 and now - history[1][0] > _WINDOW_S and finished - history[1][1] >= _WINDOW_ENDS
        ):
            history.popleft()

    @property
    def ended(self) -> int:
        """How many ended within the window."""
        return max(0, self._history[-1][1] - self._history[0][1]) if self._history else 0

    @property
    def per_s(self) -> float:
        """How many end per second; 0 before the first one has."""
        if len(self._history) < 2:
            return 0.0
        elapsed_s = self._history[-1][0] - self._history[0][0]
        return self.ended / elapsed_s if elapsed_s > 0 else 0.0


@dataclass(frozen=True)
class Workload:
    """What is left to do.

    Attributes
    ----------
    pending, running : int
        How many wait, and how many run.
    ages_s : sequence of float
        How long those that run have been running, in seconds, as far as it is known.
    slots : int
        How many can run at a time.
    """

    pending: int
    running: int
    ages_s: Sequence[float]
    slots: int


def remaining_s(work: Workload, durations_s: Sequence[float], pace: Pace) -> float | None:
    """Estimate how long the work will take, in seconds; None while it cannot be told.

    While many are left, the pace tells it, with everything that costs time between two experiments.
    It tells nothing of a few long ones: their end follows from how long others took (the median),
    how many run at a time, and for how long they have been running.
    """
    if not work.pending and not work.running:
        return 0.0
    slots = max(1, work.slots, work.running)
    if work.pending >= 2 * slots and pace.ended >= max(_WINDOW_ENDS, 3 * slots) and pace.per_s:
        return (work.pending + work.running) / pace.per_s
    if not durations_s:
        return None
    known = sorted(durations_s)
    typical_s = median(known)
    ends = [_until_end(age_s, known) for age_s in list(work.ages_s)[: work.running]]
    if not work.pending and None in ends:
        return None  # nothing has ever taken so long
    free_at = [end or 0.0 for end in ends]
    free_at += [typical_s / 2] * (work.running - len(free_at))
    free_at = sorted(free_at + [0.0] * (slots - len(free_at)))
    rounds, rest = divmod(work.pending, slots)
    last = free_at[-1] + rounds * typical_s
    return max(last, free_at[rest - 1] + (rounds + 1) * typical_s) if rest else last


def _until_end(age_s: float, known: Sequence[float]) -> float | None:
    """Return the median of what those needed from here on that took longer; None when none did."""
    longer = known[bisect_right(known, age_s) :]
    return median(longer) - age_s if longer else None
