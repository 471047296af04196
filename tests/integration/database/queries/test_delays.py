"""How people are told of retries that wait for their time, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from database.claims.types import ClaimRequest, Finished, RetryPolicy
from database.models import Outcome
from database.queries import overview
from database.queries.delays import Delays, delays
from database.queries.experiment_detail import experiment_record
from database.session.lifecycle import SessionLocal
from tests.integration.database.exchanges import make_series, make_worker, record_and_claim


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session


def test_delays_are_told(session: Session) -> None:
    """People can read how many wait, until when the first does, and the same of one experiment."""
    series_id = make_series(session, 2)
    assert delays(session, series_id) == Delays(0, None)
    worker = make_worker(session)
    record_and_claim(session, worker, request=ClaimRequest(series_id, claims=2))
    before = overview.database_now(session)
    last = [Finished(1, 1, Outcome.CRASHED), Finished(2, 1, Outcome.LOST)]
    record_and_claim(session, worker, last, request=ClaimRequest(series_id), policy=RetryPolicy(delay_s=60.0))
    record = experiment_record(session, 1)
    assert record.due_at is not None
    assert timedelta(seconds=59) < record.due_at - before < timedelta(seconds=120)
    assert delays(session, series_id) == Delays(1, record.due_at)
    assert experiment_record(session, 2).due_at is None
