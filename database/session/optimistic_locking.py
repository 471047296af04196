"""Optimistic locking of series: the error of a concurrent update names the other change.

A series has a version, which each change increments; an update names the version it read. It
matches no row when the series was changed meanwhile: then nothing of the later change is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, inspect, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from database.engine.wrong_use import takes_session
from database.errors import ExperimentsError
from database.models import ExperimentSeries


@dataclass(frozen=True)
class SeriesChange:
    """The last change of a series.

    Attributes
    ----------
    series : str
        Its name.
    version : int
        The version that the change made.
    by : str
        ``user@host``.
    at : datetime
        By that host's clock.
    """

    series: str
    version: int
    by: str
    at: datetime


class ConcurrentUpdateError(ExperimentsError):
    """The series was changed or deleted by another session meanwhile; nothing was written.

    Parameters
    ----------
    change : SeriesChange or None
        The other change; None when the series was deleted.
    """

    def __init__(self, change: SeriesChange | None) -> None:
        self.change = change
        if change is None:
            super().__init__("the series was deleted in another session meanwhile; nothing was changed")
            return
        super().__init__(
            f"series {change.series} was changed by {change.by} at {change.at:%Y-%m-%d %H:%M:%S} UTC, "
            "after it was read here; nothing was changed. Read it again, then decide"
        )


def check_version(series: ExperimentSeries, seen: int) -> None:
    """Check that a series has the version that was read.

    Raises
    ------
    ConcurrentUpdateError
        Its version is not the one that was `seen`.
    """
    if series.version != seen:
        raise ConcurrentUpdateError(
            SeriesChange(series.name, series.version, series.changed_by, series.changed_at)
        )


@takes_session
@contextmanager
def reporting_conflicts(session: Session) -> Iterator[None]:
    """Raise an error that names the other change when a flush inside meets a concurrent one.

    Raises
    ------
    ConcurrentUpdateError
        Instead of SQLAlchemy's StaleDataError.
    """
    seen = _versions_seen(session)
    if not seen:
        yield
        return
    # Taken now: after a failed flush the session returns none, and the pool may be exhausted.
    connection = session.connection(bind_arguments={"mapper": ExperimentSeries})
    try:
        yield
    except StaleDataError as error:
        raise ConcurrentUpdateError(_last_change(connection, seen)) from error


def _versions_seen(session: Session) -> dict[int, int | None]:
    """Return the ids of the series that `session` is about to change, with the versions it has read."""
    versions: dict[int, int | None] = {}
    for instance in (*session.dirty, *session.deleted):
        if isinstance(instance, ExperimentSeries):
            state = inspect(instance)
            if state.identity:
                versions[state.identity[0]] = state.dict.get("version")
    return versions


def _last_change(connection: Connection, seen: Mapping[int, int | None]) -> SeriesChange | None:
    """Read, after the failed flush was rolled back, which of them has another version now."""
    statement = select(
        ExperimentSeries.id,
        ExperimentSeries.name,
        ExperimentSeries.version,
        ExperimentSeries.changed_by,
        ExperimentSeries.changed_at,
    ).where(ExperimentSeries.id.in_(seen))
    is_part = connection.in_transaction()  # only a savepoint failed: the transaction goes on
    rows = connection.execute(statement).all()
    if not is_part:
        connection.rollback()
    for row in rows:
        if row.version != seen[row.id]:
            return SeriesChange(row.name, row.version, row.changed_by, row.changed_at)
    return None
