"""What people read: series with their counts, experiments with their attempts, and who is at work.

Every function reads in set-based statements whose cost follows what is returned, not the size of
the series; call them in ``scoped_session(read_only=True)`` for one consistent picture.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select, text
from sqlalchemy.orm import Session

from database.claims.runners import Silence, others_alive
from database.claims.statements import NOW
from database.counts import Sums, counted, tallied
from database.models import (
    Attempt,
    Configuration,
    Experiment,
    ExperimentSeries,
    ExperimentStatus,
    Outcome,
    Worker,
)
from database.models.base import UtcDateTime
from database.settings import Settings

#: In the words of the partial indexes: whatever else there is, the first entry of each tells.
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
#: Rows fetched at a time while streaming.
_BATCH = 1000


@dataclass(frozen=True)
class StatusCounts:
    """How many experiments of a series stand where.

    The five statuses count what the series file names; `retired` is what it no longer names,
    whatever its status. Claimed experiments count as pending.
    """

    pending: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    retired: int = 0

    @property
    def experiments(self) -> int:
        """All that the series file names."""
        return self.finished + self.pending + self.running

    @property
    def finished(self) -> int:
        """Those that need nothing more."""
        return self.completed + self.failed + self.cancelled

    @classmethod
    def of(cls, sums: Sums) -> StatusCounts:
        """Return what a tally tells: what has not ended and does not run is pending."""
        tally, running = sums.tally, sums.running
        ended = tally.completed + tally.failed + tally.cancelled
        return cls(
            tally.experiments - ended - running,
            running,
            tally.completed,
            tally.failed,
            tally.cancelled,
            tally.retired,
        )


@dataclass(frozen=True)
class SeriesSummary:
    """A series and how far it is."""

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
    tally_is_wrong: bool = False  #: its tallies contradict themselves, so the experiments were counted


@dataclass(frozen=True)
class ExperimentRow:
    """An experiment with its parameters and results, and how its last attempt ended."""

    id: int
    configuration: int
    repetition: int
    seed: int
    status: str
    retired: bool
    attempts: int
    outcome: str | None
    started_at: datetime | None
    finished_at: datetime | None
    duration_s: float | None
    parameters: dict[str, Any] = field(repr=False)
    results: dict[str, Any] | None = field(repr=False)


def shown_status(status: ExperimentStatus) -> str:
    """Return the word people see: a claim without a start is nothing to them."""
    return (ExperimentStatus.PENDING if status is ExperimentStatus.CLAIMED else status).value


def series_names(session: Session) -> list[str]:
    """Return the names of all series."""
    return list(session.scalars(select(ExperimentSeries.name).order_by(ExperimentSeries.name)))


def series_priorities(session: Session, series_ids: Collection[int]) -> dict[int, int]:
    """Return the priority of each of these series that exists and is not paused."""
    statement = select(ExperimentSeries.id, ExperimentSeries.priority)
    rows = session.execute(statement.where(ExperimentSeries.id.in_(series_ids), ~ExperimentSeries.paused))
    return {row.id: row.priority for row in rows}


def series_summaries(session: Session, series_ids: Collection[int] | None = None) -> list[SeriesSummary]:
    """Return the series with their counts, in the order they were created.

    Parameters
    ----------
    session : Session
        Best in a read-only scope.
    series_ids : collection of int, optional
        Only these; by default all.
    """
    statement = select(
        ExperimentSeries.id,
        ExperimentSeries.name,
        ExperimentSeries.folder,
        ExperimentSeries.description,
        ExperimentSeries.tags,
        ExperimentSeries.target,
        ExperimentSeries.state,
        ExperimentSeries.created_at,
        ExperimentSeries.version,
        ExperimentSeries.changed_by,
        ExperimentSeries.changed_at,
        ExperimentSeries.notes,
        ExperimentSeries.paused,
        ExperimentSeries.priority,
    ).order_by(ExperimentSeries.id)
    if series_ids is not None:
        statement = statement.where(ExperimentSeries.id.in_(series_ids))
    rows = session.execute(statement).all()
    sums = tallied(session, [row.id for row in rows])
    wrong = [series_id for series_id, each in sums.items() if each.contradict]
    sums |= counted(session, wrong) if wrong else {}
    return [
        SeriesSummary(
            **{**row._mapping, "state": row.state.value},
            counts=StatusCounts.of(sums[row.id]),
            tally_is_wrong=row.id in wrong,
        )
        for row in rows
    ]


def count_statuses(session: Session, series_id: int) -> StatusCounts:
    """Count the experiments of a series themselves, for who must be right whatever people did with SQL.

    Takes about 0.1 s for each million; what people look at is in `series_summaries`.
    """
    return StatusCounts.of(counted(session, [series_id])[series_id])


def is_over(session: Session, series_id: int) -> bool:
    """Say whether nothing that the file names is left to do: by the experiments, not by their tallies."""
    left = session.execute(_LEFT, {"series": series_id}).scalar()
    return not left


def live_runners(session: Session, series_id: int) -> list[Silence]:
    """Return the runners that hold experiments of a series and are alive, as far as can be seen."""
    owners = set(
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
        seen
        for seen in others_alive(session, "")
        if seen.runner_id in owners and seen.age_s < lease_s and not seen.has_ended()
    ]


def database_now(session: Session) -> datetime:
    """Return the time by the database's clock."""
    clock = literal_column(NOW[session.get_bind().dialect.name], UtcDateTime())
    now: datetime = session.execute(select(clock)).scalar_one()
    return now


def experiments(
    session: Session,
    series_id: int,
    *,
    status: str | None = None,
    where: ColumnElement[bool] | None = None,
    limit: int | None = None,
) -> Iterator[ExperimentRow]:
    """Yield the experiments of a series, configuration by configuration, without holding them all.

    Parameters
    ----------
    session : Session
        Stays in use until the last row is read.
    series_id : int
        Of the series.
    status : str, optional
        Only these, in the words people see.
    where : condition on Experiment, optional
        Only those that it is true of; `Expression.to_sql` makes one.
    limit : int, optional
        No more than these.
    """
    order = (Configuration.position, Experiment.repetition)
    chosen = (
        select(Experiment.id)
        .select_from(Configuration)
        .join(Experiment, Experiment.configuration_id == Configuration.id)
        .where(Configuration.series_id == series_id)
    )
    if status is not None:
        wanted = [member for member in ExperimentStatus if shown_status(member) == status]
        chosen = chosen.where(Experiment.series_id == series_id, Experiment.status.in_(wanted))
    if where is not None:
        chosen = chosen.where(Experiment.series_id == series_id, where)
    statement = experiment_rows().order_by(*order)
    if limit is None and status is None and where is None:
        statement = statement.where(Configuration.series_id == series_id)
    else:  # sorting ids alone is several times faster than sorting whole rows
        statement = statement.where(Experiment.id.in_(chosen.order_by(*order).limit(limit)))
    for row in session.execute(statement.execution_options(yield_per=_BATCH)):
        yield experiment_row(row)


def experiment_rows() -> Select[Any]:
    """Return the statement behind `ExperimentRow`, without a condition."""
    attempts = (
        select(func.count())
        .where(Attempt.experiment_id == Experiment.id, Attempt.outcome != Outcome.RELEASED)
        .correlate(Experiment)
        .scalar_subquery()
    )
    return (
        select(
            Experiment.id,
            Experiment.configuration_id,
            Experiment.repetition,
            Experiment.seed,
            Experiment.status,
            Experiment.retired,
            attempts.label("attempts"),
            Attempt.outcome,
            Experiment.started_at,
            Experiment.finished_at,
            Attempt.duration_s,
            Configuration.parameters,
            Experiment.results,
        )
        .select_from(Configuration)
        .join(Experiment, Experiment.configuration_id == Configuration.id)
        .outerjoin(
            Attempt,
            (Attempt.experiment_id == Experiment.id)
            & (Attempt.number == Experiment.attempt_number)
            & (Attempt.outcome != Outcome.RELEASED),
        )
    )


def experiment_row(row: Any) -> ExperimentRow:
    """Return a row of `experiment_rows` in the words people see."""
    return ExperimentRow(
        id=row.id,
        configuration=row.configuration_id,
        repetition=row.repetition,
        seed=row.seed,
        status=shown_status(row.status),
        retired=row.retired,
        attempts=row.attempts,
        outcome=None if row.outcome is None else row.outcome.value,
        started_at=row.started_at,
        finished_at=row.finished_at,
        duration_s=row.duration_s,
        parameters=row.parameters,
        results=row.results,
    )
