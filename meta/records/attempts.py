"""The attempts of a series: when each ran, where, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
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
    workers = select(Worker.id, Runner.host).join(Runner, Runner.id == Worker.runner_id)
    hosts = {row.id: row.host for row in session.execute(workers)}
    named = (Experiment.series_id == series_id, Experiment.retired.is_(False))
    ended = (
        select(
            Experiment.id,
            Experiment.configuration_id,
            Attempt.worker_id,
            Attempt.outcome,
            Attempt.started_at,
            Attempt.finished_at,
        )
        .join(Experiment, Experiment.id == Attempt.experiment_id)
        .where(*named, Attempt.started_at.is_not(None))
    )
    running = select(
        Experiment.id, Experiment.configuration_id, Experiment.worker_id, Experiment.started_at
    ).where(*named, Experiment.status == ExperimentStatus.RUNNING, Experiment.started_at.is_not(None))
    attempts = [
        AttemptRecord(experiment, configuration, hosts.get(worker, ""), worker, outcome, started, finished)
        for experiment, configuration, worker, outcome, started, finished in session.execute(ended)
        if started is not None
    ]
    attempts += [
        AttemptRecord(experiment, configuration, hosts.get(worker, ""), worker, None, started, None)
        for experiment, configuration, worker, started in session.execute(running)
        if started is not None and worker is not None
    ]
    return sorted(attempts, key=lambda attempt: attempt.started_at)
