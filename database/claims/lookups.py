"""Queries of a supervisor about claims: what can be claimed, and which attempts were revoked.

Nothing here writes; the cost is that of a few index entries, however large the series.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.orm import Session

from database.claims.statements import CANARY, CLAIMABLE, DELAYED, due
from database.claims.types import Token
from database.models.experiment import FIRST

#: Among delayed retries, whose index contains the repetition.
_FIRST_ONLY = " AND repetition = 0"


@dataclass(frozen=True)
class ClaimableWork:
    """What can be claimed, now or later.

    Attributes
    ----------
    claimable : int
        How many experiments could be claimed now, up to the limit that was asked for.
    due_in_s : float or None
        When there is none: in how many seconds, by the database's clock, the next delayed retry is
        due. None when nothing waits, or the series is paused.
    """

    claimable: int
    due_in_s: float | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to claim, now or later."""
        return not self.claimable and self.due_in_s is None


@dataclass(frozen=True)
class FirstExperiments:
    """The state of the first experiments of all configurations.

    Attributes
    ----------
    failed : int
        How many have failed, with no retry left.
    awaited : bool
        Whether any has not ended: claimed, running, or pending again.
    """

    failed: int
    awaited: bool


def claimable_work(session: Session, series_id: int, *, limit: int, canary: bool = False) -> ClaimableWork:
    """Return how much of a series a worker could claim now, up to `limit`, or when it could."""
    connection = session.connection()
    claimable = _count_claimable(connection, series_id, limit, canary=canary)
    due_in_s = None if claimable else _next_due_s(connection, series_id, canary=canary)
    return ClaimableWork(claimable, due_in_s)


def revoked(session: Session, running: Mapping[str, Token]) -> set[str]:
    """Return the workers whose attempt was cancelled or released, or that are fenced.

    Parameters
    ----------
    running : mapping of worker id to Token
        The attempt that each was seen to run. One that has ended meanwhile and was recorded normally
        is not revoked; check again whether the worker still runs it before killing it.
    """
    connection = session.connection()
    owned = _owners(connection, [token[0] for token in running.values()])
    gone = {
        worker_id: token
        for worker_id, token in running.items()
        if owned.get(token[0]) != (token[1], worker_id)
    }
    if not gone:
        return set()
    ended = _ended_in_order(connection, list(gone.values()))
    return {worker_id for worker_id, token in gone.items() if token not in ended}


def first_experiments(session: Session, series_id: int) -> FirstExperiments:
    """Return the state of the first experiments of the configurations, whoever runs them."""
    # One statement is one snapshot: of two, the second would miss what has just failed, or was released.
    failed = f"SELECT count(*) FROM experiment WHERE series_id = :series AND status = 'failed' AND {FIRST}"
    awaited = (
        "series_id = :series AND worker_id IS NOT NULL AND repetition = 0 AND NOT retired LIMIT 1",
        f"{CLAIMABLE}{CANARY} ORDER BY priority DESC, position LIMIT 1",
        f"{DELAYED}{_FIRST_ONLY} ORDER BY due_at LIMIT 1",
    )
    # Not EXISTS: PostgreSQL drops the order there, and with it the index.
    any_awaited = " UNION ALL ".join(
        f"SELECT * FROM (SELECT 1 FROM experiment WHERE {condition}) AS sample" for condition in awaited
    )
    statement = f"SELECT ({failed}), (SELECT count(*) FROM ({any_awaited}) AS awaited)"
    row = session.execute(text(statement), {"series": series_id}).one()
    return FirstExperiments(int(row[0]), bool(row[1]))


def _count_claimable(connection: Connection, series_id: int, limit: int, *, canary: bool) -> int:
    """Count what could be claimed now, up to a limit, delayed retries that are due included."""
    # Only with ORDER BY do both databases use these indexes: SQLite would use the one of all statuses,
    # PostgreSQL would scan the table in the hope of finding enough soon.
    ready = CLAIMABLE + (CANARY if canary else "") + " ORDER BY priority DESC, position"
    due_now = due(connection) + (_FIRST_ONLY if canary else "") + " ORDER BY due_at"
    count = 0
    for condition in (ready, due_now):
        statement = text(
            f"SELECT count(*) FROM (SELECT 1 AS n FROM experiment WHERE {condition} LIMIT :limit) AS rows"
        )
        arguments = {"series": series_id, "limit": limit - count}
        count += int(connection.execute(statement, arguments).scalar_one())
    return count


def _next_due_s(connection: Connection, series_id: int, *, canary: bool) -> float | None:
    """Return in how many seconds the next delayed retry is due; None when there is none."""
    seconds = (
        "extract(epoch FROM due_at - clock_timestamp())"
        if connection.dialect.name == "postgresql"
        else "(julianday(due_at) - julianday('now')) * 86400.0"
    )
    which = DELAYED + (_FIRST_ONLY if canary else "")
    statement = text(f"SELECT {seconds} FROM experiment WHERE {which} ORDER BY due_at LIMIT 1")
    due_in_s = connection.execute(statement, {"series": series_id}).scalar()
    return None if due_in_s is None else max(0.0, float(due_in_s))


def _owners(connection: Connection, experiment_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Return the attempt number and the worker of those experiments that a live worker owns."""
    statement = text(
        "SELECT e.id, e.attempt_number, e.worker_id FROM experiment e JOIN worker w ON w.id = e.worker_id "
        "JOIN runner r ON r.id = w.runner_id "
        "WHERE w.state = 'alive' AND r.state = 'alive' AND e.id IN :ids"
    ).bindparams(bindparam("ids", expanding=True))
    return {row[0]: (row[1], row[2]) for row in connection.execute(statement, {"ids": experiment_ids})}


def _ended_in_order(connection: Connection, tokens: Sequence[Token]) -> set[Token]:
    """Return those of these attempts that ended without being revoked."""
    statement = text(
        "SELECT experiment_id, number FROM attempt "
        "WHERE outcome NOT IN ('cancelled', 'lost', 'released') AND experiment_id IN :ids"
    ).bindparams(bindparam("ids", expanding=True))
    rows = connection.execute(statement, {"ids": [token[0] for token in tokens]})
    return {(row[0], row[1]) for row in rows}.intersection(tokens)
