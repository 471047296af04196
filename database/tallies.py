"""How many experiments runners have ended: counted as they end, because reading the attempts takes long."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from database.models import Worker


@dataclass(frozen=True)
class Ended:
    """How many experiments ended, by the status that is left; one that was retried by hand counts again."""

    completed: int
    failed: int


def count_ended_by(session: Session, runner_ids: Collection[str]) -> Ended:
    """Count what these runners have ended; it costs as little as they have workers."""
    tally = select(func.coalesce(func.sum(Worker.completed), 0), func.coalesce(func.sum(Worker.failed), 0))
    completed, failed = session.execute(tally.where(Worker.runner_id.in_(runner_ids))).one()
    return Ended(int(completed), int(failed))
