"""What `status`, `list` and web pages show of series, as records."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from database.models import Experiment, Outcome
from database.queries import list_experiments, series_statuses
from database.session.lifecycle import SessionLocal
from tests.integration.databases import on_sqlite
from tests.integration.recording import add_series, add_worker, completed, raised, record


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session


@on_sqlite
def test_status(session: Session) -> None:
    """Each series comes with its counts, its activity, the outcomes of its failures and its delays."""
    first, second = add_series(session, "first"), add_series(session, "second")
    ends = [completed(y=1), raised(), {"outcome": Outcome.TIMED_OUT}]
    record(session, add_worker(session), second, ends)
    idle, failing = series_statuses(session)
    assert (idle.summary.id, idle.failures, idle.activity.last_activity) == (first, {}, None)
    counts = failing.summary.counts
    assert (counts.experiments, counts.completed, counts.failed) == (4, 1, 2)
    assert failing.failures == {"error": 1, "timed_out": 1}
    assert failing.delays.experiments == 0
    assert failing.activity.last_activity is not None
    assert [status.summary.name for status in series_statuses(session, [second])] == ["second"]


@on_sqlite
def test_list(session: Session) -> None:
    """An experiment shows why it failed, the parameters that vary, and results that fit a line."""
    series_id = add_series(
        session, parameters=[{"lr": 0.1, "model": {"name": "a", "depth": n}} for n in range(3)]
    )
    record(session, add_worker(session), series_id, [completed(y=1, curve=[1, 2]), raised()])
    listed = list_experiments(session, series_id, 2, {"lr", "model.name"})
    assert listed.has_more
    first, second = listed.experiments
    assert (first.status, first.varying, first.results) == ("completed", {"model": {"depth": 0}}, {"y": 1})
    assert (second.status, second.repetition, second.attempts) == ("pending", 1, 0)
    session.execute(update(Experiment).values(retired=True))
    everything = list_experiments(session, series_id, 6, (), where=Experiment.repetition == 0)
    assert not everything.has_more
    assert [one.status for one in everything.experiments][:2] == ["completed (retired)", "failed (error)"]
