"""The attempts of a series: when each ran, where, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, null, select
from sqlalchemy.orm import Session

from database.models import Attempt, Experiment, ExperimentStatus, Outcome, Runner, Worker


@dataclass(frozen=True)
class AttemptRecord:
    """One attempt; one that still runs has neither outcome nor end.

    Attributes
    ----------
    experiment_id, configuration_id : int
    host : str
        Empty when the worker is not registered.
    worker : str
        The worker's id.
    outcome : Outcome or None
    started_at : datetime
    finished_at : datetime or None
    """

    experiment_id: int
    configuration_id: int
    host: str
    worker: str
    outcome: Outcome | None
    started_at: datetime
    finished_at: datetime | None


def read_attempts(session: Session, series_id: int) -> list[AttemptRecord]:
    """Return the attempts of a series by their start, running ones too.

    Attempts that never started, and those of retired experiments, are left out.
    """
    of_experiment = (Experiment.id, Experiment.configuration_id, func.coalesce(Runner.host, ""))
    ended = (
        select(*of_experiment, Attempt.worker_id, Attempt.outcome, Attempt.started_at, Attempt.finished_at)
        .select_from(Experiment)
        .join(Attempt, Attempt.experiment_id == Experiment.id)
        .outerjoin(Worker, Worker.id == Attempt.worker_id)
        .where(Attempt.started_at.is_not(None))
    )
    running = (
        select(*of_experiment, Experiment.worker_id, null(), Experiment.started_at, null())
        .select_from(Experiment)
        .outerjoin(Worker, Worker.id == Experiment.worker_id)
        .where(Experiment.status == ExperimentStatus.RUNNING, Experiment.started_at.is_not(None))
    )
    attempts = [
        AttemptRecord(*row)
        for statement in (ended, running)
        for row in session.execute(
            statement.outerjoin(Runner, Runner.id == Worker.runner_id).where(
                Experiment.series_id == series_id, Experiment.retired.is_(False)
            )
        )
    ]
    return sorted(attempts, key=lambda attempt: attempt.started_at)
