"""The interface of a worker's attempts, and attempts in the worker's own process."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from database.claims.types import Finished
from experiments.attempt.single import Task, attempt
from experiments.processes.process_state import RestorableState
from experiments.processes.subreaper import end_descendants, end_idle_pools, idle_pools
from experiments.target.base import LoadedTarget

logger = logging.getLogger(__name__)


class Attempts(ABC):
    """Runs attempts, one after another: in this process, or each in a process of its own."""

    def prepare(self) -> None:  # noqa: B027 - in this process there is nothing to prepare
        """Prepare the next attempt, before it begins; by default nothing.

        Raises
        ------
        ExperimentsError
            No attempt can run here any more; no experiment caused this.
        """

    @property
    @abstractmethod
    def code(self) -> Mapping[str, str]:
        """The digests of the files that the last attempt ran, or the next one; replaced when they change."""

    @abstractmethod
    def notify(self, on_edit: Callable[[], None]) -> None:
        """Have `on_edit` called when an attempt loads a file that was edited.

        It may be called in another thread, or a process that the attempt has forked.
        """

    @abstractmethod
    def attempt(self, task: Task) -> Finished:
        """Run one attempt and return how it ended; its output is in the worker's captured output.

        Raises
        ------
        KeyboardInterrupt
            Ctrl-C in a process of the user's own; nothing else is ever raised.
        """

    @property
    def tainted(self) -> str | None:
        """What an attempt changed that would affect the next one: the worker must be replaced."""
        return None

    def close(self) -> None:  # noqa: B027 - nor anything to release
        """Release the resources of attempts, if there are any."""


class InProcessAttempts(Attempts):
    """Runs attempts in this process, and restores what they changed.

    Parameters
    ----------
    target : LoadedTarget
        What its import changed is not restored.
    owns_process : bool
        Whether all processes below this one are experiments' and end with them, and Ctrl-C has no
        meaning: not so in a process of the user's own.
    """

    def __init__(self, target: LoadedTarget, *, owns_process: bool) -> None:
        self._target = target
        self._owns_process = owns_process
        self._state = RestorableState(interactive=not owns_process)
        self._unkillable: str | None = None
        self._kept_pools = [] if owns_process else idle_pools()
        self._has_told = False

    @property
    def code(self) -> Mapping[str, str]:
        """The digests of the files that this process has loaded."""
        return self._target.code.files

    def notify(self, on_edit: Callable[[], None]) -> None:
        """Have `on_edit` called when an attempt loads a file that was edited."""
        self._target.code.on_edit = on_edit

    def attempt(self, task: Task) -> Finished:
        """Call the target."""
        finished = attempt(self._target, task, pass_interrupts=not self._owns_process, state=self._state)
        self._end_processes(task.claim.experiment_id)
        return finished

    def _end_processes(self, experiment_id: int) -> None:
        """End the processes that an experiment has left; in the user's own process only joblib's."""
        ended = end_descendants() if self._owns_process else int(end_idle_pools(self._kept_pools))
        if ended is None:
            self._unkillable = "a process that cannot be killed"
        elif ended and not self._has_told:
            self._has_told = True
            logger.warning(
                "experiment %d left processes running, which were ended: no experiment gets those of another "
                "(joblib keeps its own for the next call). This is told once",
                experiment_id,
            )

    @property
    def tainted(self) -> str | None:
        """What cannot be restored or killed here; None where no other process could take over."""
        return (self._state.tainted or self._unkillable) if self._owns_process else None
