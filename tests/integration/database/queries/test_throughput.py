"""Running experiments, durations and parameters of a series, on both databases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from database.models import Configuration, Experiment, ExperimentSeries, Outcome
from database.queries.throughput import (
    SAMPLE,
    last_durations,
    running_now,
    varying_parameters,
)
from database.session.lifecycle import SessionLocal
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
