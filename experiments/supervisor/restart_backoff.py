"""When a dead worker is replaced: at once, unless workers die one after another."""

from __future__ import annotations

from collections import deque

from database import clock
from database.errors import ExperimentsError

#: After this many workers in a row have died before they started an experiment, the run ends.
_MAX_FAILED_STARTS = 5
#: This many dead workers in a row are replaced at once; then the pause doubles up to the longest.
_FREE_DEATHS = 2
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


class WorkersCannotStartError(ExperimentsError):
    """Worker after worker died before it started an experiment."""

    exit_code = 4


class RestartBackoff:
    """Counts deaths of workers, and decides when the next one may be started."""

    def __init__(self) -> None:
        self._failed_starts: deque[str] = deque(maxlen=_MAX_FAILED_STARTS)
        self._in_a_row = 0
        self._not_before = 0.0

    def note_work(self) -> None:
        """Note that a worker has finished an experiment: earlier deaths no longer count."""
        self._failed_starts.clear()
        self._in_a_row = 0

    def note_start(self) -> None:
        """Note that a worker has started an experiment: workers are able to start."""
        self._failed_starts.clear()

    def note_death(self, *, start_error: str | None) -> None:
        """Note that a worker died.

        Parameters
        ----------
        start_error : str or None
            What it printed, when it died before it started an experiment.
        """
        self._in_a_row += 1
        if self._in_a_row > _FREE_DEATHS:
            pause_s = _FIRST_PAUSE_S * 2 ** min(self._in_a_row - _FREE_DEATHS - 1, 10)
            self._not_before = clock.monotonic() + min(pause_s, _LONGEST_PAUSE_S)
        if start_error is not None:
            self._failed_starts.append(start_error)

    def may_start(self, *, others_run: bool) -> bool:
        """Return whether a worker may be started now.

        Parameters
        ----------
        others_run : bool
            Whether another worker runs an experiment. The run is not ended by others that cannot
            start: when it has finished, workers can be tried again.

        Raises
        ------
        WorkersCannotStartError
            Too many workers in a row could not start.
        """
        if len(self._failed_starts) == _MAX_FAILED_STARTS:
            if others_run:
                return False
            raise WorkersCannotStartError(
                f"{_MAX_FAILED_STARTS} workers in a row died before they started an experiment; fix the "
                f"error they report and run again (nothing is lost). The last one: "
                f"{self._failed_starts[-1].strip()}"
            )
        return clock.monotonic() >= self._not_before
