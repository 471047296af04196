"""When a dead worker is replaced: at once, unless workers die one after another."""

from __future__ import annotations

from database import clock
from database.errors import ExperimentsError

#: After this many workers in a row have died before they started an experiment, the run ends.
_MAX_FAILED_STARTS = 5
#: And after this many in a row, for each worker of the run, that finished none: several experiments that
#: kill their workers in all their attempts do not end it, nor what kills all workers at once.
_MAX_DEATHS_PER_WORKER = 10
_LEAST_MAX_DEATHS = 30
#: This many dead workers in a row are replaced at once; then the pause doubles up to the longest.
_FREE_DEATHS = 2
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


class WorkersDieError(ExperimentsError):
    """Worker after worker died, and none has finished an experiment."""

    exit_code = 4


class RestartBackoff:
    """Counts deaths of workers, and decides when the next one may be started.

    Parameters
    ----------
    workers : int
        How many workers the run has.
    """

    def __init__(self, workers: int) -> None:
        self._most = max(_LEAST_MAX_DEATHS, _MAX_DEATHS_PER_WORKER * workers)
        self._in_a_row = 0
        self._failed_starts = 0
        self._last = ""
        self._not_before = 0.0

    def note_work(self) -> None:
        """Note that a worker has finished an experiment: earlier deaths no longer count."""
        self._in_a_row = self._failed_starts = 0

    def note_start(self) -> None:
        """Note that a worker has started an experiment: workers are able to start."""
        self._failed_starts = 0

    def note_death(self, printed: str, *, has_started: bool) -> None:
        """Note that a worker died.

        Parameters
        ----------
        printed : str
            How it ended, and the end of what it printed.
        has_started : bool
            Whether it had started an experiment.
        """
        self._last = printed.strip()
        self._in_a_row += 1
        if self._in_a_row > _FREE_DEATHS:
            pause_s = _FIRST_PAUSE_S * 2 ** min(self._in_a_row - _FREE_DEATHS - 1, 10)
            self._not_before = clock.monotonic() + min(pause_s, _LONGEST_PAUSE_S)
        if not has_started:
            self._failed_starts += 1

    def may_start(self, *, others_run: bool) -> bool:
        """Return whether a worker may be started now.

        Parameters
        ----------
        others_run : bool
            Whether another worker runs an experiment. The run is not ended by others that die:
            when it has finished, workers can be tried again.

        Raises
        ------
        WorkersDieError
            Too many workers in a row have died.
        """
        problem = None
        if self._failed_starts >= _MAX_FAILED_STARTS:
            problem = (
                f"{_MAX_FAILED_STARTS} workers in a row died before they started an experiment; fix the "
                "error they report and run again (nothing is lost)"
            )
        elif self._in_a_row >= self._most:
            problem = (
                f"{self._most} workers in a row died, and none of them finished an experiment; fix what "
                "ends them (`experiments failures` shows what they ran) and run again: what is pending stays "
                "so. With isolation: process the end of one experiment does not end its worker"
            )
        if problem is None:
            return clock.monotonic() >= self._not_before
        if others_run:
            return False
        raise WorkersDieError(f"{problem}. The last one: {self._last}")
