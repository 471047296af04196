"""What `status` and web pages show of series: counts, the rate, and delayed retries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from database.claims.types import ClaimRequest, Finished, RetryPolicy
from database.models import Outcome
from database.queries import overview, series_statuses
from database.queries.experiment_detail import experiment_record
from database.queries.series_status import delays
from database.session.lifecycle import SessionLocal
from tests.integration.database.claiming import make_series, make_worker, record_and_claim
from tests.integration.databases import on_sqlite
from tests.integration.recording import add_series, add_worker, claim, completed, raised, record


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


@on_sqlite
def test_status(session: Session) -> None:
    """Each series comes with its counts, its activity, the outcomes of its failures and its delays."""
    first, second = add_series(session, "first"), add_series(session, "second")
    ends = [completed(y=1), raised(), {"outcome": Outcome.TIMED_OUT}]
    record(session, add_worker(session), second, ends)
    idle, failing = series_statuses(session)
    assert (idle.summary.id, idle.failures, idle.last_activity) == (first, {}, None)
    counts = failing.summary.counts
    assert (counts.experiments, counts.completed, counts.failed) == (4, 1, 2)
    assert failing.failures == {"error": 1, "timed_out": 1}
    assert failing.delayed == 0
    assert failing.last_activity is not None
    assert [status.summary.name for status in series_statuses(session, [second])] == ["second"]


def test_activity(session: Session) -> None:
    """The rate counts the last completed ones, not those that failed; time left needs a live runner."""
    series_id = add_series(session, repetitions=10)
    worker_id = add_worker(session)
    [found] = series_statuses(session)
    assert (found.runners, found.last_activity, found.rate_per_s, found.remaining_s) == (0, None, None, None)
    now = float(int(time.time()))  # PostgreSQL may round the last microsecond differently
    ends = [{**completed(a=1), "finished_at": now - 40 + 10 * n} for n in range(5)]
    ends += [{**raised(), "finished_at": now - n} for n in range(3)]
    record(session, worker_id, series_id, ends)
    [found] = series_statuses(session)
    assert found.runners == 0
    assert found.remaining_s is None
    assert found.last_activity is not None
    assert abs(found.last_activity.timestamp() - now) < 1e-5  # both round half microseconds their way
    assert found.rate_per_s == pytest.approx(4 / 40, rel=0.2)
    claim(session, worker_id, series_id, 2)
    [found] = series_statuses(session)
    assert found.runners == 1
    assert found.remaining_s == pytest.approx(12 / found.rate_per_s)


def test_old_work_has_no_rate(session: Session) -> None:
    """What finished yesterday says nothing about how fast it goes now."""
    series_id = add_series(session)
    ends = [{**completed(a=1), "finished_at": time.time() - 100_000 + n} for n in range(3)]
    record(session, add_worker(session), series_id, ends)
    [found] = series_statuses(session)
    assert found.rate_per_s is None


def test_delays(session: Session) -> None:
    """The number of delayed retries, when the first is due, and when that of one experiment is."""
    series_id = make_series(session, 2)
    assert delays(session, series_id) == (0, None)
    worker = make_worker(session)
    record_and_claim(session, worker, request=ClaimRequest(series_id, claims=2))
    before = overview.database_now(session)
    last = [Finished(1, 1, Outcome.CRASHED), Finished(2, 1, Outcome.LOST)]
    record_and_claim(session, worker, last, request=ClaimRequest(series_id), policy=RetryPolicy(delay_s=60.0))
    record = experiment_record(session, 1)
    assert record.due_at is not None
    assert timedelta(seconds=59) < record.due_at - before < timedelta(seconds=120)
    assert delays(session, series_id) == (1, record.due_at)
    assert experiment_record(session, 2).due_at is None
