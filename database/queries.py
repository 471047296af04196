"""What people read: series with their counts, experiments with their attempts, and the pace of work.

Every function reads in set-based statements whose cost follows what is returned, not the size of
the series; call them in ``scoped_session(read_only=True)`` for one consistent picture.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select
from sqlalchemy.orm import Session

from database.claim_statements import NOW
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
from database.runners import Silence, others_alive
from database.settings import Settings

#: The rate is that of at most so many last experiments, within this time.
RATE_SAMPLE = 1000
RATE_WINDOW = timedelta(hours=1)
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


@dataclass(frozen=True)
class Activity:
    """Whether and how fast a series is being worked on.

    Attributes
    ----------
    runners : int
        Live ones that hold experiments of the series.
    last_activity : datetime or None
        The latest start of what runs, or end of what has run.
    rate_per_s : float or None
        Experiments finished per second, over the last `RATE_SAMPLE` within `RATE_WINDOW`.
    remaining_s : float or None
        What is left at that rate; None when nobody is at work.
    """

    runners: int
    last_activity: datetime | None
    rate_per_s: float | None
    remaining_s: float | None


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
    counts = _status_counts(session, [row.id for row in rows])
    return [
        SeriesSummary(**{**row._mapping, "state": row.state.value, "counts": counts[row.id]}) for row in rows
    ]


def _status_counts(session: Session, series_ids: Sequence[int]) -> dict[int, StatusCounts]:
    found: dict[int, dict[str, int]] = {series_id: {} for series_id in series_ids}
    for series_id, status, count in _grouped(session, series_ids, retired=False):
        shown = shown_status(status)
        found[series_id][shown] = found[series_id].get(shown, 0) + count
    for series_id, status, count in _grouped(session, series_ids, retired=True):
        found[series_id][shown_status(status)] -= count
        found[series_id]["retired"] = found[series_id].get("retired", 0) + count
    return {series_id: StatusCounts(**counts) for series_id, counts in found.items()}


def _grouped(
    session: Session, series_ids: Sequence[int], *, retired: bool
) -> list[tuple[int, ExperimentStatus, int]]:
    """Count by status: all experiments, or the retired ones; each from an index alone."""
    statement = (
        select(Experiment.series_id, Experiment.status, func.count())
        .where(Experiment.series_id.in_(series_ids))
        .group_by(Experiment.series_id, Experiment.status)
    )
    if retired:  # in the words of the partial index: SQLAlchemy would write `retired = 1`
        statement = statement.where(literal_column("experiment.retired"))
    rows = session.execute(statement)
    return [(series_id, status, count) for series_id, status, count in rows]


def activity(session: Session, summary: SeriesSummary) -> Activity:
    """Return who works on a series, and how fast."""
    runners = len(live_runners(session, summary.id))
    rate = _rate(session, summary.id)
    left = summary.counts.pending + summary.counts.running
    return Activity(
        runners=runners,
        last_activity=_last_activity(session, summary.id),
        rate_per_s=rate,
        remaining_s=left / rate if rate and runners else None,
    )


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
        if seen.runner_id in owners and seen.age_s < lease_s and not seen.identity.is_gone()
    ]


def _last_activity(session: Session, series_id: int) -> datetime | None:
    """Read the ends of the index: one entry per status, and the few that run."""
    latest = [
        session.scalar(
            select(func.max(Experiment.finished_at)).where(
                Experiment.series_id == series_id, Experiment.status == status
            )
        )
        for status in (ExperimentStatus.COMPLETED, ExperimentStatus.FAILED, ExperimentStatus.CANCELLED)
    ]
    latest.append(
        session.scalar(
            select(func.max(Experiment.started_at)).where(
                Experiment.series_id == series_id, Experiment.status == ExperimentStatus.RUNNING
            )
        )
    )
    return max((moment for moment in latest if moment is not None), default=None)


def _rate(session: Session, series_id: int) -> float | None:
    now = database_now(session)
    moments: list[datetime] = []
    for status in (ExperimentStatus.COMPLETED, ExperimentStatus.FAILED):
        statement = (
            select(Experiment.finished_at)
            .where(
                Experiment.series_id == series_id,
                Experiment.status == status,
                Experiment.finished_at > now - RATE_WINDOW,
            )
            .order_by(Experiment.finished_at.desc())
            .limit(RATE_SAMPLE)
        )
        moments += [moment for moment in session.scalars(statement) if moment is not None]
    moments = sorted(moments, reverse=True)[:RATE_SAMPLE]
    if len(moments) < 2:
        return None
    elapsed_s = (max(now, moments[0]) - moments[-1]).total_seconds()
    return (len(moments) - 1) / elapsed_s if elapsed_s > 0 else None


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
