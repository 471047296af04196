"""Worker processes on this host, under a supervisor."""

from __future__ import annotations

from experiments.execution.assignment import Assignment, Ending, Observer
from experiments.supervisor.main_loop import Supervisor


def run_in_processes(assignment: Assignment, observe: Observer) -> Ending:
    """Work a series off with `assignment.workers` processes; see `Supervisor`."""
    return Supervisor(assignment, observe).run()
