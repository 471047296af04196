"""Series with their counts, and their live runners.

Every function reads in set-based statements whose cost depends on what is returned, not on the size of
the series; call them in ``scoped_session(read_only=True)`` for one consistent snapshot.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import func, literal_column, select, text
from sqlalchemy.orm import Session

from database.claims.statements import NOW
from database.counters import StatusCounts, count_rows, read_counters
from database.engine.wrong_use import takes_session
from database.models import (
    Attempt,
    Experiment,
    ExperimentSeries,
    ExperimentStatus,
    Worker,
)
from database.models.base import UtcDateTime
from database.process_identity import RunnerLiveness, others_alive
from database.settings import Settings

#: As the conditions of the partial indexes: the first entry of each is enough.
_LEFT = text(
    " OR ".join(
        f"EXISTS (SELECT 1 FROM experiment WHERE series_id = :series AND {which} AND NOT retired)"
        for which in (
            "status = 'pending' AND due_at IS NULL",
            "status = 'pending' AND due_at IS NOT NULL",
            "status = 'claimed'",
            "status = 'running'",
        )
    ).join(("SELECT ", ""))
)


@dataclass(frozen=True)
class SeriesSummary:
    """A series, with its counts per status."""

    id: int
    name: str
    folder: str
    description: str
    tags: list[str]
    target: str
    state: str
    created_at: datetime
    version: int
    changed_by: str
    changed_at: datetime
    notes: str
    paused: bool
    priority: int
    counts: StatusCounts
    counters_are_wrong: bool = False  #: the counters were impossible, so the experiments were counted


#: The columns of the series' table, without the counts.
_SUMMARY_COLUMNS = [getattr(ExperimentSeries, field.name) for field in fields(SeriesSummary)[:-2]]


def series_priorities(session: Session, series_ids: Collection[int]) -> dict[int, int]:
    """Return the priority of each of these series that exists and is not paused."""
    statement = select(ExperimentSeries.id, ExperimentSeries.priority)
    rows = session.execute(statement.where(ExperimentSeries.id.in_(series_ids), ~ExperimentSeries.paused))
    return {row.id: row.priority for row in rows}


@takes_session
def series_summaries(session: Session, series_ids: Collection[int] | None = None) -> list[SeriesSummary]:
    """Return the series with their counts, in the order they were created.

    Parameters
    ----------
    session : Session
        Best in a read-only scope.
    series_ids : collection of int, optional
        Only these; by default all.
    """
    statement = select(*_SUMMARY_COLUMNS).order_by(ExperimentSeries.id)
    if series_ids is not None:
        statement = statement.where(ExperimentSeries.id.in_(series_ids))
    rows = session.execute(statement).all()
    counts = read_counters(session, [row.id for row in rows])
    wrong = [series_id for series_id, of_series in counts.items() if of_series.are_inconsistent]
    counts |= count_rows(session, wrong) if wrong else {}
    return [
        SeriesSummary(
            **{**row._mapping, "state": row.state.value},
            counts=counts[row.id],
            counters_are_wrong=row.id in wrong,
        )
        for row in rows
    ]


def count_statuses(session: Session, series_id: int) -> StatusCounts:
    """Count the rows of a series' experiments, right whatever was changed with SQL.

    Takes about 0.1 s for each million; `series_summaries` reads the counters.
    """
    return count_rows(session, [series_id])[series_id]


def is_over(session: Session, series_id: int) -> bool:
    """Return whether all experiments of the file have ended: by their rows, not by the counters."""
    return not session.execute(_LEFT, {"series": series_id}).scalar()


def live_runners(session: Session, series_id: int) -> list[RunnerLiveness]:
    """Return the runners that own experiments of a series and are alive as far as is known."""
    runner_ids = set(
        session.scalars(
            select(Worker.runner_id)
            .distinct()
            .join(Experiment, Experiment.worker_id == Worker.id)
            .where(
                Experiment.series_id == series_id,
                Experiment.status.in_([ExperimentStatus.CLAIMED, ExperimentStatus.RUNNING]),
            )
        )
    )
    lease_s = Settings.from_environment().lease_s
    return [
        runner
        for runner in others_alive(session, "")
        if runner.runner_id in runner_ids and runner.age_s < lease_s and not runner.has_ended()
    ]


def database_now(session: Session) -> datetime:
    """Return the time by the database's clock."""
    clock = literal_column(NOW[session.get_bind().dialect.name], UtcDateTime())
    now: datetime = session.execute(select(clock)).scalar_one()
    return now


def failure_counts(session: Session, series_id: int, *, latest: int | None = None) -> dict[str, int]:
    """Count the failed experiments of a series by outcome, the most frequent first.

    Parameters
    ----------
    latest : int, optional
        Count only this many of the latest failures; by default all.
    """
    failed = (
        select(Experiment.id, Experiment.attempt_number)
        .where(
            Experiment.series_id == series_id,
            Experiment.status == ExperimentStatus.FAILED,
            ~Experiment.retired,
        )
        .order_by(Experiment.finished_at.desc())
        .limit(latest)
        .subquery()
    )
    statement = (
        select(Attempt.outcome, func.count())
        .join(failed, (Attempt.experiment_id == failed.c.id) & (Attempt.number == failed.c.attempt_number))
        .group_by(Attempt.outcome)
        .order_by(func.count().desc(), Attempt.outcome)
    )
    return {outcome.value: count for outcome, count in session.execute(statement)}
