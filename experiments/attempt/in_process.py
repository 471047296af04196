"""The interface of a worker's attempts, and attempts in the worker's own process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from database.claims.types import Chunk, Claim, Finished
from experiments.attempt.context import Run
from experiments.attempt.single import attempt
from experiments.processes.process_state import RestorableState
from experiments.processes.subreaper import end_descendants
from experiments.target.function import LoadedFunction


@dataclass(frozen=True)
class Task:
    """An attempt to run.

    Attributes
    ----------
    claim : Claim
        The experiment to run.
    directory : Path
        `run.directory`: where the experiment may keep files; created on first use.
    write : callable
        Writes chunks of metrics while the experiment runs; returns whether it succeeded.
    """

    claim: Claim
    directory: Path
    write: Callable[[Sequence[Chunk]], bool]


class Attempts(Protocol):
    """Runs attempts, one after another: in this process, or each in a process of its own."""

    def prepare(self) -> None:
        """Prepare the next attempt, before it begins.

        Raises
        ------
        ExperimentsError
            No attempt can run here any more; no experiment caused this.
        """

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

    def close(self) -> None:
        """Release the resources of attempts."""


class InProcessAttempts:
    """Runs attempts in this process, and restores what they changed.

    Parameters
    ----------
    target : LoadedFunction
        What its import changed is not restored.
    owns_process : bool
        Whether all processes below this one are experiments' and end with them, and Ctrl-C has no
        meaning: not so in a process of the user's own.
    """

    def __init__(self, target: LoadedFunction, *, owns_process: bool) -> None:
        self._target = target
        self._owns_process = owns_process
        self._state = RestorableState(interactive=not owns_process)
        self._unkillable: str | None = None

    def prepare(self) -> None:
        """Do nothing: the target is loaded."""

    def attempt(self, task: Task) -> Finished:
        """Call the target."""
        claim = task.claim
        run = Run(claim, directory=task.directory, write=task.write)
        finished = attempt(
            self._target,
            claim,
            run,
            pass_interrupts=not self._owns_process,
            state=self._state,
        )
        if self._owns_process and not end_descendants():
            self._unkillable = "a process that cannot be killed"
        return finished

    @property
    def tainted(self) -> str | None:
        """What cannot be restored or killed here; None where no other process could take over."""
        return (self._state.tainted or self._unkillable) if self._owns_process else None

    def close(self) -> None:
        """Do nothing: there are no resources to release."""
