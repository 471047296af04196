"""Retrying experiments, and deleting series.

Both are safe while runners run: `retry` never touches an experiment that a worker owns, and
`delete_series` refuses while a live runner owns one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.orm import Session

from database import counters
from database.counters import Counters
from database.counters_listener import COUNTED
from database.engine.wrong_use import takes_session
from database.errors import ExperimentsError
from database.models import (
    Attempt,
    Configuration,
    Experiment,
    ExperimentSeries,
    ExperimentStatus,
    Outcome,
    SeriesState,
)
from database.queries.overview import live_runners
from database.series.selection import EVERYTHING, Selection, change_in_batches
from database.session.lifecycle import commit_part

#: What can be retried.
RETRIABLE = (ExperimentStatus.FAILED, ExperimentStatus.CANCELLED, ExperimentStatus.COMPLETED)
#: Experiments deleted per transaction, so that no other writer waits long.
DELETE_BATCH = 20_000


class SeriesInUseError(ExperimentsError):
    """A series cannot be deleted because a live runner owns experiments of it."""


@dataclass(frozen=True)
class Retried:
    """How many experiments `retry` has changed.

    Attributes
    ----------
    retried : int
        Experiments that had ended and are pending again.
    expedited : int
        Delayed retries that can be claimed now.
    """

    retried: int
    expedited: int


@takes_session
def retry(
    session: Session,
    series_id: int,
    statuses: Collection[ExperimentStatus] = (ExperimentStatus.FAILED,),
    *,
    selection: Selection = EVERYTHING,
) -> Retried:
    """Make experiments that have ended pending again; their attempts are kept.

    The limits of their retries count anew from here. Delayed retries become due now. The attempt of a
    completed experiment gets the outcome `replaced` and keeps the results, which are the experiment's no
    longer. Retired experiments stay as they are: nothing would run them. Commits in batches.

    Raises
    ------
    ExperimentsError
        For a status that cannot be retried.
    """
    impossible = [status.value for status in statuses if status not in RETRIABLE]
    if impossible:
        raise ExperimentsError(
            f"{impossible[0]} experiments cannot be retried; those with status "
            f"{' or '.join(status.value for status in RETRIABLE)} can"
        )
    reset: dict[str, Any] = {
        "status": ExperimentStatus.PENDING,
        "started_at": None,
        "finished_at": None,
        "results": None,
        "due_at": None,
        "retries_reset_at": Experiment.attempt_number,
    }
    retried = sum(
        change_in_batches(
            session,
            series_id,
            selection,
            before=status,
            values=reset,
            first=_replace_attempts if status is ExperimentStatus.COMPLETED else None,
        )
        for status in set(statuses)
    )
    expedited = 0
    if ExperimentStatus.FAILED in statuses:
        expedited = change_in_batches(
            session,
            series_id,
            selection,
            Experiment.due_at.is_not(None),
            before=ExperimentStatus.PENDING,
            values={"due_at": None, "retries_reset_at": Experiment.attempt_number},
        )
    return Retried(retried, expedited)


def _replace_attempts(session: Session, chosen: Sequence[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """Mark the attempts of completed experiments as replaced, and return which experiments these are."""
    of_experiment = (Attempt.experiment_id == Experiment.id) & (Attempt.number == Experiment.attempt_number)
    session.execute(
        update(Attempt)
        .where(of_experiment, Attempt.outcome == Outcome.COMPLETED, *chosen)
        .values(outcome=Outcome.REPLACED, results=Experiment.results)
        .execution_options(synchronize_session=False)
    )
    # Not the conditions chosen by: they may name the outcome, or hold of what was completed since.
    replaced = exists().where(of_experiment, Attempt.outcome == Outcome.REPLACED).correlate(Experiment)
    return [Experiment.status == ExperimentStatus.COMPLETED, replaced]


@takes_session
def delete_series(session: Session, series_id: int) -> int:
    """Delete a series with everything recorded of it; its results folder is not touched.

    Commits in batches. The series is marked as unfinished first, so that a deletion that was
    interrupted is completed by deleting again, or undone by creating the series again.

    Returns
    -------
    int
        How many experiments were deleted.

    Raises
    ------
    SeriesInUseError
        A live runner owns experiments of it.
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
    # The counters are deleted with the series.
    for rows in (Experiment, Configuration):
        session.execute(delete(rows).where(rows.series_id == series_id).execution_options(**COUNTED))
    session.execute(delete(ExperimentSeries).where(ExperimentSeries.id == series_id))
    return deleted


def _delete_unowned(session: Session, series_id: int) -> int:
    """Delete a batch of experiments that no worker owns; one that is claimed first stays."""
    batch = (
        select(Experiment.id)
        .where(Experiment.series_id == series_id, Experiment.worker_id.is_(None))
        .limit(DELETE_BATCH)
    )
    rows = session.execute(
        delete(Experiment)
        .where(Experiment.id.in_(batch), Experiment.worker_id.is_(None))
        .returning(Experiment.status, Experiment.retired)
        .execution_options(synchronize_session=False, **COUNTED)
    )
    deleted = Counter((status, retired) for status, retired in rows)
    if deleted:
        changes = (
            Counters.of(status, -count, retired=retired) for (status, retired), count in deleted.items()
        )
        counters.add(session.connection(), series_id, sum(changes, Counters()))
    return deleted.total()


def _refuse_live_runners(session: Session, series_id: int) -> None:
    alive = live_runners(session, series_id)
    if alive:
        raise SeriesInUseError(
            f"a runner is running this series (process {alive[0].identity.pid} on "
            f"{alive[0].identity.host}); stop it, then delete"
        )
