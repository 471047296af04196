"""What a run says before it starts: how its results may differ from others', and what it leaves unused."""

from __future__ import annotations

import logging
import os
from collections.abc import Container, Iterator

from sqlalchemy.orm import Session

from database.code_sets import completed_by_threads, sampled_threads
from database.counters import StatusCounts
from database.session.retry import retrying_transaction
from experiments.execution.assignment import Assignment
from experiments.processes.thread_limits import cores, overriding_variables, possible_threads
from experiments.run.notification import why_not_notified
from experiments.series_file.sections.execute import ExecuteSection
from experiments.units import many

logger = logging.getLogger(__name__)


def warn_before_start(
    session: Session,
    assignment: Assignment,
    execute: ExecuteSection,
    counts: StatusCounts,
    *,
    is_shown: bool,
) -> None:
    """Log what the user should know before experiments of a series start.

    Parameters
    ----------
    session : Session
        This process's global session.
    assignment : Assignment
        What is going to run.
    execute : ExecuteSection
        That of the series' file; if it was not given, what is recorded of it.
    counts : StatusCounts
        Those of the series.
    is_shown : bool
        Whether the run shows its progress: then it also says what would make it faster, unless this process
        runs everything, which is for debuggers.
    """
    remarks = [*execute.notes(assignment.workers), *about_notification(assignment.series_name, execute)]
    if counts.pending:
        remarks += _about_threads(session, assignment, execute)
        if is_shown:
            remarks += _about_idle_cores(assignment)
    for remark in remarks:
        logger.warning("%s", remark)


def about_notification(series: str, execute: ExecuteSection) -> Iterator[str]:
    """Yield why nobody is notified of the end of a run, if the series file asks for it in vain."""
    reason = why_not_notified(execute.notify)
    if reason is not None:
        yield f"nobody is told by a webhook when {series} has ended: {reason}"


def _about_threads(session: Session, assignment: Assignment, execute: ExecuteSection) -> Iterator[str]:
    threads = assignment.execution.threads
    variables = overriding_variables(threads, os.environ)
    names = " and ".join(f"{name}={value}" for name, value in variables.items())
    asked = f"execute.threads: {execute.threads}"
    if variables:
        is_set = "is" if len(variables) == 1 else "are"
        yield f"{names} {is_set} set: numerical libraries use that, and not {asked}"
    possible = possible_threads(threads, os.environ)
    completed = retrying_transaction(
        session, lambda session: _others(session, assignment.series_id, possible)
    )
    if completed:
        others, count = sorted(completed), sum(completed.values())
        numbers = f"{' or '.join(map(str, others))} {'thread' if others == [1] else 'threads'}"
        without = f" without {' and '.join(variables)}" if variables else ""
        yield (
            f"{assignment.series_name}: {many(count, 'completed experiment')} ran with {numbers} of "
            f"numerical libraries, this run has {names or asked}: the last digits of results may differ. "
            f"`execute.threads: {others[-1]}`{without} goes on as before"
        )


def _others(session: Session, series_id: int, possible: Container[int]) -> dict[int, int]:
    """Count completed experiments by their threads, without those that this run may have."""
    if all(number in possible for number in sampled_threads(session, series_id)):
        return {}  # without counting experiments
    completed = completed_by_threads(session, series_id)
    return {number: completed[number] for number in completed if number and number not in possible}


def _about_idle_cores(assignment: Assignment) -> Iterator[str]:
    workers, threads = assignment.workers, assignment.execution.threads
    if workers == 0 or threads is None or overriding_variables(threads, os.environ):
        return
    share = cores() // workers
    if share <= threads:
        return
    who, each = many(workers, "worker"), many(threads, "thread")
    yield (
        f"{who} on {cores()} cores, numerical libraries with {each}: where they take most of the time, "
        f"`execute.threads: {share}` is faster; the last digits of results may differ from those with {each}"
    )
