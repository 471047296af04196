"""Integrity checks of a database: its file, and the invariants of the claim protocol.

The rules are those of `database.claims.protocol`: they hold at all times, also while runners run,
because each is read in one snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DatabaseError as DriverDatabaseError
from sqlalchemy.orm import Session

from database.counters import missing_from_counters
from database.engine.sqlite_file import how_to_mend
from database.errors import DatabaseError
from database.models import ExperimentSeries
from database.process_identity import ProcessIdentity, others_alive

#: The maximum number of SQLite's findings that are shown.
_MOST_COMPLAINTS = 5


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold.

    Attributes
    ----------
    rule : str
        The invariant.
    count : int
        How many experiments or series violate it.
    example : int
        The id of one of them.
    of : str
        The kind of rows counted: "experiments" or "series".
    """

    rule: str
    count: int
    example: int
    of: str = "experiments"


_HELD = "CASE WHEN e.worker_id IS NULL THEN 0 ELSE 1 END"
#: The invariants, and queries of the experiments that violate them.
_RULES = {
    "each ended attempt is recorded exactly once": (
        "SELECT e.id FROM experiment e WHERE e.attempt_number <> "
        f"{_HELD} + (SELECT count(*) FROM attempt a WHERE a.experiment_id = e.id)"
    ),
    "no attempt has a number that was never claimed": (
        "SELECT e.id FROM experiment e JOIN attempt a ON a.experiment_id = e.id "
        f"WHERE a.number > e.attempt_number - {_HELD}"
    ),
    "a completed experiment has a completed attempt, with its results": (
        "SELECT e.id FROM experiment e WHERE e.status = 'completed' AND (e.results IS NULL OR NOT EXISTS "
        "(SELECT 1 FROM attempt a WHERE a.experiment_id = e.id AND a.outcome = 'completed'))"
    ),
    "an experiment with a completed attempt is completed": (
        "SELECT e.id FROM attempt a JOIN experiment e ON e.id = a.experiment_id "
        "WHERE a.outcome = 'completed' AND e.status <> 'completed'"
    ),
    "an experiment is owned by a worker exactly while it is claimed or running": (
        "SELECT e.id FROM experiment e "
        "WHERE (e.status IN ('claimed', 'running')) <> (e.worker_id IS NOT NULL)"
    ),
}
#: The invariant that `counters.recount_all` repairs.
COUNTED = "the counters of a series equal the counts of its experiments"


def check_records(session: Session) -> list[Violation]:
    """Return the invariants that do not hold.

    Parameters
    ----------
    session : Session
        In one snapshot, so that nothing changes between the statements.
    """
    violations = []
    connection = session.connection()
    for rule, query in _RULES.items():
        row = connection.execute(text(f"SELECT count(*), min(id) FROM ({query}) AS broken")).one()
        if row[0]:
            violations.append(Violation(rule, int(row[0]), int(row[1])))
    wrong = missing_from_counters(session, session.scalars(select(ExperimentSeries.id)).all())
    if wrong:
        violations.append(Violation(COUNTED, len(wrong), min(wrong), "series"))
    return violations


def check_file(connection: Connection, *, thorough: bool = True) -> None:
    """Check a whole SQLite file for damage; PostgreSQL does that by itself.

    Parameters
    ----------
    thorough : bool
        Also compare each index with its table, and check foreign keys.

    Raises
    ------
    DatabaseError
        It is damaged; the message contains SQLite's findings and what to do.
    """
    if connection.dialect.name != "sqlite":
        return
    pragma = "integrity_check" if thorough else "quick_check"
    try:
        rows = connection.exec_driver_sql(f"PRAGMA {pragma}({_MOST_COMPLAINTS})").scalars()
        complaints = [str(line) for line in rows if line != "ok"]
        if thorough and not complaints:
            dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").all()[:_MOST_COMPLAINTS]
            complaints = [f"row {row[1]} of {row[0]} refers to a missing one of {row[2]}" for row in dangling]
    except DriverDatabaseError as error:
        raise _damaged(connection, [str(error.orig)]) from error
    if complaints:
        raise _damaged(connection, complaints)


def _damaged(connection: Connection, complaints: list[str]) -> DatabaseError:
    file = Path(str(connection.engine.url.database))
    lines = [line for complaint in complaints for line in complaint.splitlines()][:_MOST_COMPLAINTS]
    return DatabaseError(f"{file} is damaged ({'; '.join(lines)}); {how_to_mend(file)}")


def check_after_power_cut(session: Session) -> bool:
    """Check an SQLite file after its host ended together with its runner, before anything is written.

    A killed process never damages it; a power cut can, on a disk that ignores fsync. Reads the
    whole file, and only in this case.

    Returns
    -------
    bool
        Whether there was a reason to check.

    Raises
    ------
    DatabaseError
        It is damaged.
    """
    if session.get_bind().dialect.name != "sqlite":
        return False
    own_boot = ProcessIdentity.own().boot_id.partition("/")[0]
    boots = {runner.identity.boot_id.partition("/")[0] for runner in others_alive(session, "")}
    if not own_boot or not boots - {own_boot, ""}:
        return False
    check_file(session.connection(), thorough=False)
    return True
