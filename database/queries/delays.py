"""Delayed retries, as they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from database.models import Experiment


@dataclass(frozen=True)
class Delays:
    """The delayed retries of a series.

    Attributes
    ----------
    experiments : int
        How many experiments; they count as pending.
    first_due_at : datetime or None
        When the first of them is due, by the database's clock.
    """

    experiments: int
    first_due_at: datetime | None


def delays(session: Session, series_id: int) -> Delays:
    """Return the delayed retries of a series; the cost depends on their number only."""
    statement = select(func.count(), func.min(Experiment.due_at)).where(
        Experiment.series_id == series_id,
        # As the condition of the partial index, with no parameter in it.
        literal_column("experiment.status = 'pending' AND NOT experiment.retired"),
        Experiment.due_at.is_not(None),
    )
    count, first = session.execute(statement).one()
    return Delays(count, first)
