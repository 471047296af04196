"""What people change by command: failed experiments tried again, a series deleted.

Both are safe while runners are at work: an experiment that a worker owns is never touched by
`retry`, and `delete_series` refuses while a live runner owns one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from database import counts
from database.counts import Change
from database.counts_listener import TALLIED
from database.errors import ExperimentsError
from database.models import Configuration, Experiment, ExperimentSeries, ExperimentStatus, SeriesState
from database.queries.overview import live_runners
from database.series.selection import EVERYTHING, Selection, move_in_parts, update_in_parts
from database.session.lifecycle import commit_part

#: What can be tried again; a completed experiment cannot: its result is final.
RETRIABLE = (ExperimentStatus.FAILED, ExperimentStatus.CANCELLED)
#: Experiments deleted per transaction, so that no other writer waits long.
DELETE_BATCH = 20_000


class SeriesInUseError(ExperimentsError):
    """A live runner works on the series that was to be deleted."""


@dataclass(frozen=True)
class Retried:
    """What `retry` did.

    Attributes
    ----------
    again : int
        Experiments that were finished and are pending again.
    hurried : int
        Experiments that would have been tried again later, and are now.
    """

    again: int
    hurried: int


def retry(
    session: Session,
    series_id: int,
    statuses: Collection[ExperimentStatus] = (ExperimentStatus.FAILED,),
    *,
    selection: Selection = EVERYTHING,
) -> Retried:
    """Make failed (or cancelled) experiments pending again; their attempts are kept.

    The limits of their retries count anew from here. Those that wait for their next attempt wait
    no longer. Retired ones stay as they are: nothing would run them. Commits in parts.

    Raises
    ------
    ExperimentsError
        For a status that cannot be tried again.
    """
    impossible = [status.value for status in statuses if status not in RETRIABLE]
    if impossible:
        raise ExperimentsError(
            f"{impossible[0]} experiments cannot be tried again; those with status "
            f"{' or '.join(status.value for status in RETRIABLE)} can"
        )
    afresh: dict[str, Any] = {
        "status": ExperimentStatus.PENDING,
        "started_at": None,
        "finished_at": None,
        "results": None,
        "due_at": None,
        "forgiven": Experiment.attempt_number,
    }
    again = sum(
        move_in_parts(session, series_id, selection, before=status, values=afresh) for status in set(statuses)
    )
    hurried = 0
    if ExperimentStatus.FAILED in statuses:
        waiting = (
            Experiment.series_id == series_id,
            ~Experiment.retired,
            *selection.conditions(),
            Experiment.status == ExperimentStatus.PENDING,
            Experiment.due_at.is_not(None),
        )
        hurried = update_in_parts(session, waiting, {"due_at": None, "forgiven": Experiment.attempt_number})
    return Retried(again, hurried)


def delete_series(session: Session, series_id: int) -> int:
    """Delete a series with everything recorded of it; its results folder is not touched.

    Commits in parts. The series is marked as unfinished first, so that a deletion that died in
    the middle is completed by deleting again, or undone by creating the series again.

    Returns
    -------
    int
        How many experiments were deleted.

    Raises
    ------
    SeriesInUseError
        A live runner holds experiments of it.
    """
    _refuse_live_runners(session, series_id)
    session.execute(
        update(ExperimentSeries)
        .where(ExperimentSeries.id == series_id)
        .values(state=SeriesState.CREATING, digest="", version=ExperimentSeries.version + 1)
        .execution_options(synchronize_session=False)
    )
    commit_part(session)
    deleted = 0
    while batch := _delete_unowned(session, series_id):
        deleted += batch
        commit_part(session)
    # What is left was claimed meanwhile, or belongs to a runner that died.
    _refuse_live_runners(session, series_id)
    deleted += (
        session.scalar(select(func.count()).select_from(Experiment).where(Experiment.series_id == series_id))
        or 0
    )
    # With the series go its tallies.
    for rows in (Experiment, Configuration):
        session.execute(delete(rows).where(rows.series_id == series_id).execution_options(**TALLIED))
    session.execute(delete(ExperimentSeries).where(ExperimentSeries.id == series_id))
    return deleted


def _delete_unowned(session: Session, series_id: int) -> int:
    """Delete a batch of what no worker owns; a claim that is faster keeps its experiment."""
    batch = (
        select(Experiment.id)
        .where(Experiment.series_id == series_id, Experiment.worker_id.is_(None))
        .limit(DELETE_BATCH)
    )
    rows = session.execute(
        delete(Experiment)
        .where(Experiment.id.in_(batch), Experiment.worker_id.is_(None))
        .returning(Experiment.status, Experiment.retired)
        .execution_options(synchronize_session=False, **TALLIED)
    )
    gone = Counter((status, retired) for status, retired in rows)
    if gone:
        changes = (Change.of(status, -count, retired=retired) for (status, retired), count in gone.items())
        counts.add(session.connection(), series_id, sum(changes, Change()))
    return gone.total()


def _refuse_live_runners(session: Session, series_id: int) -> None:
    alive = live_runners(session, series_id)
    if alive:
        raise SeriesInUseError(
            f"a runner is at work on this series (process {alive[0].identity.pid} on "
            f"{alive[0].identity.host}); stop it, then delete"
        )
