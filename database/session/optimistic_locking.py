"""Two people who change the same series: the second one is told who was faster, and when.

A series has a version, which each change raises; an update names the version it was read with. It
finds no row when somebody changed the series meanwhile: nothing of the later change is written then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, inspect, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from database.errors import ExperimentsError
from database.models import ExperimentSeries


@dataclass(frozen=True)
class Change:
    """The last change of a series.

    Attributes
    ----------
    series : str
        Its name.
    version : int
        What the change made it.
    by : str
        ``user@host``.
    at : datetime
        When, by that host's clock.
    """

    series: str
    version: int
    by: str
    at: datetime


class ConcurrentUpdateError(ExperimentsError):
    """Somebody else changed or deleted the series meanwhile; nothing was written.

    Parameters
    ----------
    change : Change or None
        What was faster; None when the series is gone.
    """

    def __init__(self, change: Change | None) -> None:
        self.change = change
        if change is None:
            super().__init__("the series was deleted by somebody else meanwhile; nothing was changed")
            return
        super().__init__(
            f"series {change.series} was changed by {change.by} at {change.at:%Y-%m-%d %H:%M:%S} UTC, "
            "after it was read here; nothing was changed. Read it again, then decide"
        )


def check_version(series: ExperimentSeries, seen: int) -> None:
    """Refuse to go on from an outdated version.

    Raises
    ------
    ConcurrentUpdateError
        The series is of another version than the one that was `seen`.
    """
    if series.version != seen:
        raise ConcurrentUpdateError(Change(series.name, series.version, series.changed_by, series.changed_at))


@contextmanager
def naming_conflicts(session: Session) -> Iterator[None]:
    """Turn the failure of a flush inside into one that says who changed the series, and when.

    Raises
    ------
    ConcurrentUpdateError
        Instead of SQLAlchemy's StaleDataError.
    """
    seen = _versions_seen(session)
    if not seen:
        yield
        return
    # Asked for now: when the flush has failed the session gives none, and the pool may have no other.
    connection = session.connection(bind_arguments={"mapper": ExperimentSeries})
    try:
        yield
    except StaleDataError as error:
        raise ConcurrentUpdateError(_last_change(connection, seen)) from error


def _versions_seen(session: Session) -> dict[int, int | None]:
    """Return the series that `session` is about to change, with the versions it has read."""
    found: dict[int, int | None] = {}
    for one in (*session.dirty, *session.deleted):
        if isinstance(one, ExperimentSeries):
            state = inspect(one)
            if state.identity:
                found[state.identity[0]] = state.dict.get("version")
    return found


def _last_change(connection: Connection, seen: Mapping[int, int | None]) -> Change | None:
    """Read, after the flush that failed was undone, which of them is of another version now."""
    statement = select(
        ExperimentSeries.id,
        ExperimentSeries.name,
        ExperimentSeries.version,
        ExperimentSeries.changed_by,
        ExperimentSeries.changed_at,
    ).where(ExperimentSeries.id.in_(seen))
    is_part = connection.in_transaction()  # of what goes on: a savepoint failed
    rows = connection.execute(statement).all()
    if not is_part:
        connection.rollback()
    for row in rows:
        if row.version != seen[row.id]:
            return Change(row.name, row.version, row.changed_by, row.changed_at)
    return None
