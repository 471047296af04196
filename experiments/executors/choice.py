"""The names of the executors, and the choice of the one that an assignment names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.execution.assignment import Assignment, Observer

if TYPE_CHECKING:
    from experiments.executors.base import Executor
from experiments.supervisor.name_notice import NameNotice

#: The names that `Assignment.executor` may have.
SERIAL, LOCAL_PROCESSES = "serial", "local processes"


def make_executor(assignment: Assignment, observe: Observer, names: NameNotice | None = None) -> Executor:
    """Return the executor that an assignment names; see `experiments.executors.base.Executor`."""
    # Imported when chosen: each needs large modules that the other does not (numpy, multiprocessing).
    if assignment.executor == SERIAL:
        from experiments.executors.serial import Serial  # noqa: PLC0415 - as above

        return Serial(assignment, observe, names)
    from experiments.executors.local_processes import LocalProcesses  # noqa: PLC0415 - as above

    return LocalProcesses(assignment, observe, names)
