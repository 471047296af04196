"""When a missing worker is replaced: at once, unless workers die one after another."""

from __future__ import annotations

import time
from collections import deque

from database.errors import ExperimentsError

#: So many workers in a row that die before they start anything mean that none ever will.
_MOST_BARREN_DEATHS = 5
#: So many deaths in a row are replaced at once; then the pause doubles up to the longest.
_FREE_DEATHS = 2
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


class WorkersCannotStartError(ExperimentsError):
    """Worker after worker died before it started an experiment."""

    exit_code = 4


class Staffing:
    """Counts deaths, and says when the next worker may be started."""

    def __init__(self) -> None:
        self._barren: deque[str] = deque(maxlen=_MOST_BARREN_DEATHS)
        self._in_a_row = 0
        self._not_before = 0.0

    def note_work(self) -> None:
        """Note that a worker has ended an experiment in order: what died before was bad luck."""
        self._barren.clear()
        self._in_a_row = 0

    def note_start(self) -> None:
        """Note that a worker has started an experiment: workers can."""
        self._barren.clear()

    def note_death(self, *, last_words: str | None) -> None:
        """Note that a worker died.

        Parameters
        ----------
        last_words : str or None
            What it said, when it died before it started anything.
        """
        self._in_a_row += 1
        if self._in_a_row > _FREE_DEATHS:
            pause_s = _FIRST_PAUSE_S * 2 ** min(self._in_a_row - _FREE_DEATHS - 1, 10)
            self._not_before = time.monotonic() + min(pause_s, _LONGEST_PAUSE_S)
        if last_words is not None:
            self._barren.append(last_words)

    def may_start(self, *, others_work: bool) -> bool:
        """Say whether a worker may be started now.

        Parameters
        ----------
        others_work : bool
            Whether another worker is at an experiment. That is not given up for those that cannot
            start: when it has ended in order, workers can be tried again.

        Raises
        ------
        WorkersCannotStartError
            None ever will.
        """
        if len(self._barren) == _MOST_BARREN_DEATHS:
            if others_work:
                return False
            raise WorkersCannotStartError(
                f"{_MOST_BARREN_DEATHS} workers in a row died before they started an experiment; mend what "
                f"they say and run again (nothing is lost). The last one: {self._barren[-1].strip()}"
            )
        return time.monotonic() >= self._not_before
