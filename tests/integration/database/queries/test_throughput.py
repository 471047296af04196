"""Running experiments, durations and parameters of a series, on both databases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from database.claims import protocol
from database.claims.types import ClaimRequest, Finished, RetryPolicy
from database.models import Configuration, Experiment, ExperimentSeries, Outcome
from database.queries.throughput import (
    SAMPLE,
    Durations,
    LatestFailure,
    last_durations,
    latest_failure,
    running_now,
    varying_parameters,
)
from database.session.lifecycle import SessionLocal
from tests.integration.recording import add_series, add_worker, claim, completed, raised, record


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def test_last_durations(session: Session) -> None:
    """The durations are those of the last ones of this series that completed, and that failed."""
    series_id, other_id = add_series(session, repetitions=130), add_series(session, "other")
    worker_id = add_worker(session)
    assert last_durations(session, series_id) == Durations([], [])
    record(session, worker_id, other_id, [{**completed(), "duration_s": 99.0}])
    now = datetime.now(UTC).timestamp()
    ends = [
        {
            **(raised() if number % 2 else completed()),
            "duration_s": float(number),
            "finished_at": now + number,
        }
        for number in range(2 * SAMPLE + 20)
    ]
    record(session, worker_id, series_id, ends)
    found = last_durations(session, series_id)
    assert sorted(found.completed) == [float(number) for number in range(20, 2 * SAMPLE + 20, 2)]
    assert sorted(found.failed) == [float(number) for number in range(21, 2 * SAMPLE + 20, 2)]


def test_tries_that_failed_take_time_too(session: Session) -> None:
    """An experiment takes as long as its attempts together, without those that a user began anew after."""
    series_id, worker_id = add_series(session, parameters=[{"lr": 1}], repetitions=1), add_worker(session)
    for duration_s in (30.0, 20.0):
        end(session, worker_id, series_id, {**raised(), "duration_s": duration_s}, delay_s=0)
    session.execute(update(Experiment).values(retries_reset_at=1))
    session.commit()
    end(session, worker_id, series_id, {**completed(), "duration_s": 1.0}, delay_s=0)
    assert last_durations(session, series_id) == Durations([21.0], [])


def end(session: Session, worker_id: str, series_id: int, how: Mapping[str, Any], *, delay_s: float) -> None:
    """Let the next experiment end as told, to be tried again if it failed; commit."""
    policy = RetryPolicy({Outcome.ERROR: 5}, delay_s=delay_s)
    [one] = claim(session, worker_id, series_id, 1)
    moment = datetime.now(UTC).timestamp()
    finished = Finished(
        *one.token, **{"outcome": Outcome.COMPLETED, "started_at": moment, "finished_at": moment, **how}
    )
    protocol.record_and_claim(
        session, worker_id, [finished], request=ClaimRequest(series_id, claims=0), policy=policy
    )
    session.commit()


def test_attempts_without_a_duration(session: Session) -> None:
    """What nobody has measured tells nothing."""
    series_id = add_series(session)
    record(session, add_worker(session), series_id, [{"outcome": Outcome.LOST, "duration_s": None}])
    assert last_durations(session, series_id) == Durations([], [])


def test_latest_failure(session: Session) -> None:
    """The failure that ended last is told with its place, also if it is tried again; not what users ended."""
    series_id, worker_id = add_series(session, repetitions=10), add_worker(session)
    assert latest_failure(session, series_id) is None
    now = datetime.now(UTC).timestamp()
    first, second, _, _ = record(
        session,
        worker_id,
        series_id,
        [
            {**raised(), "finished_at": now - 60},
            {"outcome": Outcome.TIMED_OUT, "error_message": "too long", "finished_at": now - 50},
            {"outcome": Outcome.CANCELLED, "finished_at": now - 40},
            {**completed(), "finished_at": now - 30},
        ],
    )
    assert latest_failure(session, series_id) == LatestFailure(
        second, 1, Outcome.TIMED_OUT, "too long", retried=False
    )
    for delay_s, moment in ((0, now - 20), (60, now - 10)):
        end(session, worker_id, series_id, {**raised(), "finished_at": moment}, delay_s=delay_s)
        if not delay_s:
            claim(session, worker_id, series_id, 1)
        found = latest_failure(session, series_id)
        assert found is not None
        assert found.retried
        assert found.reason == "ValueError: 0.1, at /home/user/helpers.py:3 in helper"
    assert found.experiment not in {first, second}


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
