"""What a supervisor reads of claims: what can be claimed, first experiments, revoked attempts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from database.claims import lookups
from database.claims.lookups import ClaimableWork, FirstExperiments
from database.claims.types import ClaimRequest, Finished, RetryPolicy
from database.counters import Counters, count_ended_by
from database.models import (
    Attempt,
    Configuration,
    Experiment,
    Outcome,
    Runner,
)
from database.session.lifecycle import SessionLocal
from tests.integration.database.claiming import (
    make_series,
    make_worker,
    record_and_claim,
)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def test_first_repetitions_only(session: Session) -> None:
    """A canary's claims are the first experiments of the configurations; their failures are counted."""
    series_id = make_series(session, 3)
    session.add(Configuration(series_id=series_id, position=1, parameters={}, key=b"l" * 16, revision=1))
    session.flush()
    for repetition in range(2):
        session.add(
            Experiment(series_id=series_id, configuration_id=2, repetition=repetition, position=9, seed=0)
        )
    session.commit()
    worker = make_worker(session)
    assert lookups.claimable_work(session, series_id, limit=9, canary=True) == ClaimableWork(2, None)
    request = ClaimRequest(series_id, claims=9, canary=True)
    got = record_and_claim(session, worker, request=request).claims
    assert [(claim.experiment_id, claim.repetition) for claim in got] == [(1, 0), (4, 0)]
    assert lookups.first_experiments(session, series_id) == FirstExperiments(failed=0, awaited=True)
    failed = [Finished(claim.experiment_id, 1, Outcome.ERROR) for claim in got]
    assert record_and_claim(session, worker, failed, request=request).claims == ()
    assert lookups.claimable_work(session, series_id, limit=9, canary=True) == ClaimableWork(0, None)
    assert lookups.first_experiments(session, series_id) == FirstExperiments(failed=2, awaited=False)
    assert count_ended_by(session, [session.scalars(select(Runner.id)).one()]) == Counters(failed=2)


def test_first_experiment_given_back_is_awaited(session: Session) -> None:
    """A canary that nobody has in hand for a moment has not passed, also while it waits for its retry."""
    series_id = make_series(session, 3)
    worker = make_worker(session)
    record_and_claim(session, worker, request=ClaimRequest(series_id, claims=1, canary=True))
    record_and_claim(session, worker, request=ClaimRequest(series_id, release=[(1, 1)]))
    assert lookups.first_experiments(session, series_id) == FirstExperiments(failed=0, awaited=True)
    record_and_claim(session, worker, request=ClaimRequest(series_id, claims=1, canary=True))
    record_and_claim(
        session,
        worker,
        [Finished(1, 2, Outcome.CRASHED)],
        request=ClaimRequest(series_id),
        policy=RetryPolicy(),
    )
    assert lookups.claimable_work(session, series_id, limit=1, canary=True).due_in_s is not None
    assert lookups.first_experiments(session, series_id) == FirstExperiments(failed=0, awaited=True)


def test_own_fault_waits_before_it_is_tried_again(session: Session) -> None:
    """After a crash the next attempt waits, twice as long each time; `claimable_work` says until when."""
    series_id = make_series(session, 2)
    worker = make_worker(session)
    policy = RetryPolicy(delay_s=100.0)
    for attempt, delay_s in ((1, 100.0), (2, 200.0)):
        [claim] = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=1)).claims
        assert (claim.experiment_id, claim.attempt_number) == (1, attempt)
        crashed = [Finished(1, attempt, Outcome.CRASHED)]
        record_and_claim(session, worker, crashed, request=ClaimRequest(series_id), policy=policy)
        assert lookups.claimable_work(session, series_id, limit=5) == ClaimableWork(1, None)
        session.execute(text("UPDATE experiment SET status = 'cancelled' WHERE id = 2"))
        work = lookups.claimable_work(session, series_id, limit=5)
        assert work.claimable == 0
        assert work.due_in_s == pytest.approx(delay_s, abs=10)
        assert lookups.claimable_work(session, series_id, limit=5, canary=True).due_in_s == pytest.approx(
            delay_s, abs=10
        )
        session.execute(text("UPDATE experiment SET due_at = '2000-01-01' WHERE id = 1"))
        assert lookups.claimable_work(session, series_id, limit=5) == ClaimableWork(1, None)
        session.execute(text("UPDATE experiment SET status = 'pending' WHERE id = 2"))
        session.commit()


def test_revoked(session: Session) -> None:
    """Who lost its attempt is told from who ended it and was recorded; the fenced lose everything."""
    series_id = make_series(session, 4)
    at: dict[str, tuple[int, int]] = {}
    for _ in range(4):
        worker = make_worker(session)
        [claim] = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=1)).claims
        at[worker] = (claim.experiment_id, claim.attempt_number)
    _, done, fenced, taken = at
    assert lookups.revoked(session, at) == set()
    record_and_claim(
        session, done, [Finished(2, 1, Outcome.COMPLETED, results="{}")], request=ClaimRequest(series_id)
    )
    session.execute(text("UPDATE worker SET state = 'dead' WHERE id = :id"), {"id": fenced})
    session.execute(text("UPDATE experiment SET status = 'cancelled', worker_id = NULL WHERE id = 4"))
    session.add(Attempt(experiment_id=4, number=1, worker_id=taken, outcome=Outcome.CANCELLED))
    session.commit()
    assert lookups.revoked(session, at) == {fenced, taken}
    assert lookups.revoked(session, {}) == set()
