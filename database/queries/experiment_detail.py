"""One experiment in full: its series, its attempts, and where each of them ran."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.engine.wrong_use import takes_session
from database.errors import NotFoundError
from database.models import Attempt, Code, Experiment, ExperimentSeries, Outcome, Runner, Worker
from database.queries.experiment_rows import ExperimentRow, experiment_row, select_experiments
from database.queries.series_lookup import place_of


@dataclass(frozen=True)
class RunningAttempt:
    """The attempt in progress: its number, and the worker, runner and host that run it."""

    number: int
    worker_id: str
    runner_id: str
    host: str


@dataclass(frozen=True)
class AttemptRecord:
    """A recorded attempt and its provenance (None where its runner was deleted).

    Attributes
    ----------
    threads : int or None
        How many threads numerical libraries had; None when that is unknown.
    partial : dict or None
        What was valid of an invalid result.
    results : dict or None
        Of an attempt that a user has replaced.
    code : str or None
        The name of the set of code that it ran; None when that is unknown.
    """

    number: int
    outcome: str
    started_at: datetime | None
    finished_at: datetime | None
    duration_s: float | None
    error_type: str | None
    error_message: str | None
    traceback: str | None = field(repr=False)
    exit_code: int | None
    signal: int | None
    peak_memory_bytes: int | None
    cpu_s: float | None
    log_tail: str | None = field(repr=False)
    threads: int | None
    partial: dict[str, Any] | None = field(repr=False)
    results: dict[str, Any] | None = field(repr=False)
    code: str | None
    host: str | None
    git_commit: str | None
    git_dirty: bool | None
    python_version: str | None


_OF_RUNNER = ("host", "git_commit", "git_dirty", "python_version")
_ATTEMPT_COLUMNS = [
    Code.digest.label("code")
    if own.name == "code"
    else getattr(Runner if own.name in _OF_RUNNER else Attempt, own.name)
    for own in fields(AttemptRecord)
]


@dataclass(frozen=True)
class ExperimentRecord:
    """An experiment in full, with its series' name, folder and target.

    Attributes
    ----------
    due_at : datetime or None
        When its delayed retry is due, by the database's clock.
    """

    series: str
    folder: str
    target: str
    experiment: ExperimentRow
    attempts: list[AttemptRecord]
    running: RunningAttempt | None
    due_at: datetime | None = None


@takes_session
def experiment_record(session: Session, experiment_id: int) -> ExperimentRecord:
    """Return an experiment with everything that is recorded of it.

    Attempts that were released before they started are left out.

    Raises
    ------
    NotFoundError
        There is no such experiment.
    """
    row = session.execute(select_experiments().where(Experiment.id == experiment_id)).first()
    if row is None:
        raise NotFoundError(
            f"there is no experiment {experiment_id} in {place_of(session)}; `experiments list SERIES` shows "
            "the existing ones"
        )
    series = session.execute(
        select(
            ExperimentSeries.name.label("series"),
            ExperimentSeries.folder,
            ExperimentSeries.target,
            Experiment.due_at,
        )
        .join(Experiment, Experiment.series_id == ExperimentSeries.id)
        .where(Experiment.id == experiment_id)
    ).one()
    return ExperimentRecord(
        **series._mapping,
        experiment=experiment_row(row),
        attempts=_attempts(session, experiment_id),
        running=_running(session, experiment_id),
    )


def folder_of_experiment(session: Session, experiment_id: int) -> str | None:
    """Return the folder of an experiment's series; None when there is no such experiment."""
    statement = select(ExperimentSeries.folder).join(Experiment, Experiment.series_id == ExperimentSeries.id)
    return session.scalar(statement.where(Experiment.id == experiment_id))


def _attempts(session: Session, experiment_id: int) -> list[AttemptRecord]:
    statement = (
        select(*_ATTEMPT_COLUMNS)
        .select_from(Attempt)
        .outerjoin(Code, Code.id == Attempt.code)
        .outerjoin(Worker, Worker.id == Attempt.worker_id)
        .outerjoin(Runner, Runner.id == Worker.runner_id)
        .where(Attempt.experiment_id == experiment_id, Attempt.outcome != Outcome.RELEASED)
        .order_by(Attempt.number)
    )
    return [
        AttemptRecord(**{**row._mapping, "outcome": row.outcome.value}) for row in session.execute(statement)
    ]


def _running(session: Session, experiment_id: int) -> RunningAttempt | None:
    running = session.execute(
        select(Experiment.attempt_number, Experiment.worker_id, Worker.runner_id, Runner.host)
        .join(Worker, Worker.id == Experiment.worker_id)
        .join(Runner, Runner.id == Worker.runner_id)
        .where(Experiment.id == experiment_id, Experiment.status == "running")
    ).first()
    return None if running is None else RunningAttempt(running[0], str(running[1]), running[2], running[3])
