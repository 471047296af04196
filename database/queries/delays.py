"""What waits for the time of its next attempt, for people to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from database.models import Experiment


@dataclass(frozen=True)
class Delays:
    """The pending experiments of a series that wait before they are tried again.

    Attributes
    ----------
    experiments : int
        How many; they count as pending.
    first_due_at : datetime or None
        When the first of them can be claimed, by the database's clock.
    """

    experiments: int
    first_due_at: datetime | None


def delays(session: Session, series_id: int) -> Delays:
    """Return what waits in a series; it costs as little as there waits."""
    statement = select(func.count(), func.min(Experiment.due_at)).where(
        Experiment.series_id == series_id,
        # In the words of the partial index, with no parameter in it.
        literal_column("experiment.status = 'pending' AND NOT experiment.retired"),
        Experiment.due_at.is_not(None),
    )
    count, first = session.execute(statement).one()
    return Delays(count, first)
