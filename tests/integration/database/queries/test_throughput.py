"""The rate, running experiments, durations and delayed retries of a series, on both databases."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from database.claims.types import ClaimRequest, Finished, RetryPolicy
from database.models import Configuration, Experiment, ExperimentSeries, Outcome
from database.queries import overview
from database.queries.experiment_detail import experiment_record
from database.queries.throughput import (
    SAMPLE,
    Activity,
    Delays,
    activity,
    delays,
    last_durations,
    running_now,
    varying_parameters,
)
from database.session.lifecycle import SessionLocal
from tests.integration.database.claiming import make_series, make_worker, record_and_claim
from tests.integration.recording import add_series, add_worker, claim, completed, raised, record


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session


def test_last_durations(session: Session) -> None:
    """The durations are those of the last ones that ended, whether they failed or not, of this series."""
    series_id, other_id = add_series(session, repetitions=60), add_series(session, "other")
    worker_id = add_worker(session)
    assert last_durations(session, series_id) == []
    record(session, worker_id, other_id, [{**completed(), "duration_s": 99.0}])
    now = datetime.now(UTC).timestamp()
    ends = [
        {
            **(raised() if number % 2 else completed()),
            "duration_s": float(number),
            "finished_at": now + number,
        }
        for number in range(SAMPLE + 10)
    ]
    record(session, worker_id, series_id, ends)
    assert last_durations(session, series_id) == [float(number) for number in range(SAMPLE + 9, 9, -1)]


def test_attempts_without_a_duration(session: Session) -> None:
    """What nobody has measured tells nothing."""
    series_id = add_series(session)
    record(session, add_worker(session), series_id, [{"outcome": Outcome.LOST, "duration_s": None}])
    assert last_durations(session, series_id) == []


def test_running_now(session: Session) -> None:
    """What runs is told with its age by the database's clock, the longest first."""
    series_id = add_series(session, repetitions=3)
    young, old = (claim(session, add_worker(session), series_id, 2)[0].experiment_id for _ in range(2))
    moment = datetime.now(UTC) - timedelta(minutes=5)
    session.execute(update(Experiment).where(Experiment.id == old).values(started_at=moment))
    session.commit()
    first, second = running_now(session, series_id)
    assert (first.experiment_id, second.experiment_id) == (old, young)
    assert first.age_s == pytest.approx(300, abs=30)
    assert 0 <= second.age_s < 30


def test_varying_parameters(session: Session) -> None:
    """Parameters that are fixed for all configurations are left out, and groups that this leaves empty."""

    def fixed_names(resolved: Mapping[str, Any]) -> Collection[str]:
        names: dict[str, Any] = resolved["fixed"]
        return names

    series_id = add_series(session, parameters=[{"lr": 0.1, "model": {"depth": 2, "name": "a"}, "empty": {}}])
    session.execute(
        update(ExperimentSeries).values(
            resolved={"name": "s", "fixed": {"model.name": "a"}, "run": {"function": "a:b"}}
        )
    )
    session.commit()
    one = session.query(Experiment.id).filter_by(series_id=series_id).first()
    assert one is not None
    assert varying_parameters(session, [one.id, 999], fixed_names) == {
        one.id: {"lr": 0.1, "model": {"depth": 2}, "empty": {}}
    }
    session.execute(update(Configuration).values(parameters={"model": {"name": "a"}}))
    assert varying_parameters(session, [one.id], fixed_names) == {one.id: {}}


def test_activity(session: Session) -> None:
    """The rate counts the last finished ones; time left needs a live runner."""
    series_id = add_series(session, repetitions=10)
    worker_id = add_worker(session)
    [summary] = overview.series_summaries(session)
    assert activity(session, summary) == Activity(0, None, None, None)
    now = float(int(time.time()))  # PostgreSQL may round the last microsecond differently
    ends = [{**completed(a=1), "finished_at": now - 40 + 10 * n} for n in range(5)]
    record(session, worker_id, series_id, ends)
    [summary] = overview.series_summaries(session)
    found = activity(session, summary)
    assert found.runners == 0
    assert found.remaining_s is None
    assert found.last_activity is not None
    assert abs(found.last_activity.timestamp() - now) < 1e-5  # both round half microseconds their way
    assert found.rate_per_s == pytest.approx(4 / 40, rel=0.2)
    claim(session, worker_id, series_id, 2)
    [summary] = overview.series_summaries(session)
    found = activity(session, summary)
    assert found.runners == 1
    assert found.remaining_s == pytest.approx(15 / found.rate_per_s)


def test_old_work_has_no_rate(session: Session) -> None:
    """What finished yesterday says nothing about how fast it goes now."""
    series_id = add_series(session)
    ends = [{**completed(a=1), "finished_at": time.time() - 100_000 + n} for n in range(3)]
    record(session, add_worker(session), series_id, ends)
    [summary] = overview.series_summaries(session)
    assert activity(session, summary).rate_per_s is None


def test_delays(session: Session) -> None:
    """The number of delayed retries, when the first is due, and when that of one experiment is."""
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
