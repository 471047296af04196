"""Which code the experiments of a series ran, from the provenance of their runners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from database.models import Attempt, Experiment, ExperimentStatus, Runner, Worker


@dataclass(frozen=True)
class CodeVersion:
    """The state of the code that some experiments ran.

    Attributes
    ----------
    commit : str or None
        Of git; None when it was not under version control, or nobody knows.
    uncommitted : bool or None
        Whether there were changes that were not committed; None without a commit.
    experiments : int
        How many completed experiments ran it, those that the file no longer names left out.
    """

    commit: str | None
    uncommitted: bool | None
    experiments: int


def read_code_versions(
    session: Session, series_id: int, conditions: Sequence[ColumnElement[bool]] = ()
) -> tuple[CodeVersion, ...]:
    """Return the versions that the completed experiments of a series ran, most experiments first.

    Parameters
    ----------
    session : Session
    series_id : int
    conditions : sequence
        On `Experiment`: only those of which all of them are true.
    """
    completing = (Attempt.experiment_id == Experiment.id) & (Attempt.number == Experiment.attempt_number)
    found = (
        select(Attempt.worker_id, func.count().label("experiments"))
        .select_from(Experiment)
        .outerjoin(Attempt, completing)
        .where(
            Experiment.series_id == series_id,
            Experiment.status == ExperimentStatus.COMPLETED,
            Experiment.retired.is_(False),
            *conditions,
        )
        .group_by(Attempt.worker_id)
        .subquery()
    )
    rows = session.execute(
        select(Runner.git_commit, Runner.git_dirty, func.sum(found.c.experiments))
        .select_from(found)
        .outerjoin(Worker, Worker.id == found.c.worker_id)
        .outerjoin(Runner, Runner.id == Worker.runner_id)
        .group_by(Runner.git_commit, Runner.git_dirty)
    )
    versions = [CodeVersion(commit, uncommitted, int(count)) for commit, uncommitted, count in rows]
    return tuple(
        sorted(versions, key=lambda one: (-one.experiments, one.commit or "", one.uncommitted or False))
    )
