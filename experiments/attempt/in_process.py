"""The interface of a worker's attempts, and attempts in the worker's own process."""

from __future__ import annotations

from abc import ABC, abstractmethod

from database.claims.types import Finished
from experiments.attempt.single import Task, attempt
from experiments.processes.process_state import RestorableState
from experiments.processes.subreaper import end_descendants
from experiments.target.base import LoadedTarget


class Attempts(ABC):
    """Runs attempts, one after another: in this process, or each in a process of its own."""

    def prepare(self) -> None:  # noqa: B027 - in this process there is nothing to prepare
        """Prepare the next attempt, before it begins; by default nothing.

        Raises
        ------
        ExperimentsError
            No attempt can run here any more; no experiment caused this.
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

    def attempt(self, task: Task) -> Finished:
        """Call the target."""
        finished = attempt(self._target, task, pass_interrupts=not self._owns_process, state=self._state)
        if self._owns_process and not end_descendants():
            self._unkillable = "a process that cannot be killed"
        return finished

    @property
    def tainted(self) -> str | None:
        """What cannot be restored or killed here; None where no other process could take over."""
        return (self._state.tainted or self._unkillable) if self._owns_process else None
