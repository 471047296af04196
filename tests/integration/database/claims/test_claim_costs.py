"""What the protocol costs does not depend on the size of a series: each statement has its index."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from database.claims import lookups, protocol
from database.claims.types import ClaimRequest, Finished, RetryPolicy
from database.engine.registry import get_engine
from database.models import Outcome
from database.queries.series_status import delays
from database.session.lifecycle import SessionLocal
from tests.integration.recording import add_series, add_worker

CONFIGURATIONS = 10_000
POLICY = RetryPolicy()
#: A walk through the whole table, in the words of either database.
WALK = re.compile(
    r"Seq Scan on experiment\b|SCAN (e|experiment)\b(?! USING COVERING INDEX ix_experiment_worker_id)"
)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def fill(session: Session) -> int:
    """Make a series of 20,000 pending experiments, of which every third waits for its time."""
    series_id = add_series(session, parameters=[{}], repetitions=1)
    numbers: dict[str, int | str]
    if session.get_bind().dialect.name == "postgresql":
        number, numbers = "SELECT generate_series(1, :count) AS i", {"count": CONFIGURATIONS}
        key = "decode(lpad(to_hex(i), 32, '0'), 'hex')"
    else:
        number = "SELECT value AS i FROM json_each(:numbers)"
        numbers = {"numbers": json.dumps(list(range(1, CONFIGURATIONS + 1)))}
        key = "CAST(printf('%016d', i) AS BLOB)"
    session.execute(
        text(
            "INSERT INTO configuration (series_id, position, parameters, key, revision) "
            f"SELECT :series, i, '{{}}', {key}, 1 FROM ({number}) AS numbers"
        ),
        {"series": series_id, **numbers},
    )
    for repetition in range(2):
        session.execute(
            text(
                "INSERT INTO experiment (series_id, configuration_id, repetition, position, seed, priority, "
                "status, retired, attempt_number) SELECT :series, id, :repetition, "
                ":repetition * :count + position, 1, 0, 'pending', false, 0 FROM configuration "
                "WHERE position > 0 ORDER BY position"
            ),
            {"series": series_id, "repetition": repetition, "count": CONFIGURATIONS},
        )
    session.execute(text("UPDATE experiment SET due_at = '2999-01-01' WHERE position % 3 = 0"))
    session.commit()
    session.execute(text("ANALYZE"))
    session.commit()
    return series_id


def plans(session: Session, work: Callable[[], object]) -> dict[str, str]:
    """Return the plan of each statement about experiments that `work` runs."""
    seen: list[tuple[str, Any]] = []

    def remember(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "experiment" in statement:
            seen.append((statement, parameters))

    engine = get_engine()
    event.listen(engine, "before_cursor_execute", remember)
    try:
        work()
    finally:
        event.remove(engine, "before_cursor_execute", remember)
    explain = "EXPLAIN" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    found = {}
    for statement, parameters in seen:
        one = parameters[0] if isinstance(parameters, list) else parameters
        rows = session.connection().exec_driver_sql(f"{explain} {statement}", one).all()
        found[statement] = "\n".join(str(row[-1]) for row in rows)
    session.rollback()
    return found


def test_every_statement_has_its_index(session: Session) -> None:
    """No statement of a worker or a supervisor walks through the experiments, however many wait."""
    series_id = fill(session)
    worker_id = add_worker(session)

    def work() -> None:
        for canary in (False, True):
            request = ClaimRequest(series_id, claims=3, canary=canary)
            got = protocol.record_and_claim(session, worker_id, [], request=request, policy=POLICY).claims
            ends = zip(got, (Outcome.COMPLETED, Outcome.ERROR, Outcome.CRASHED), strict=True)
            finished = [Finished(one.experiment_id, 1, end) for one, end in ends]
            protocol.record_and_claim(
                session, worker_id, finished, request=ClaimRequest(series_id), policy=POLICY
            )
            lookups.claimable_work(session, series_id, limit=8, canary=canary)
        lookups.first_experiments(session, series_id)
        lookups.revoked(session, {worker_id: (1, 1)})
        protocol.orphaned_workers(session)
        session.commit()

    found = plans(session, work)
    assert len(found) > 10
    walks = {statement: plan for statement, plan in found.items() if WALK.search(plan)}
    assert not walks, "\n\n".join(f"{one}\n{plan}" for one, plan in walks.items())
    indexes = "\n".join(found.values())
    for name in ("ix_experiment_pending", "ix_experiment_first", "ix_experiment_due"):
        assert name in indexes


def test_what_only_waits_is_seen_cheaply(session: Session) -> None:
    """When everything waits, the next due one is found by its index, and how many wait is counted there."""
    series_id = fill(session)
    session.execute(text("UPDATE experiment SET due_at = '2999-01-01'"))
    session.commit()
    session.execute(text("ANALYZE"))
    session.commit()

    def work() -> None:
        for canary in (False, True):
            work = lookups.claimable_work(session, series_id, limit=8, canary=canary)
            assert work.claimable == 0
            assert work.due_in_s is not None
        assert delays(session, series_id)[0] == 2 * CONFIGURATIONS + 1
        session.commit()

    found = plans(session, work)
    counts = [statement for statement in found if "min(" in statement]  # reads all that waits, as it must
    assert len(counts) == 1
    assert not [plan for statement, plan in found.items() if WALK.search(plan) and statement not in counts]
