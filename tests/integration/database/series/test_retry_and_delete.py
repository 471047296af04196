"""Trying again and deleting, on both databases, also while workers are at it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from database.claims import protocol
from database.claims.types import Chunk, ClaimRequest, Finished, RetryPolicy
from database.errors import ExperimentsError
from database.models import (
    Attempt,
    Base,
    Experiment,
    ExperimentSeries,
    ExperimentStatus,
    MetricChunk,
    Outcome,
    Runner,
    SeriesState,
)
from database.queries import overview
from database.series import retry_and_delete, selection
from database.series.retry_and_delete import Retried, SeriesInUseError
from database.series.selection import Selection
from database.session.lifecycle import SessionLocal, scoped_session
from experiments.where import condition_of
from tests.integration.recording import NEVER, add_series, add_worker, claim, completed, raised, record


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def statuses(session: Session) -> list[str]:
    session.expire_all()
    return [one.status.value for one in session.scalars(select(Experiment).order_by(Experiment.position))]


def test_retry(session: Session) -> None:
    """Failed experiments become pending, run again as a further attempt, and keep the earlier one."""
    series_id = add_series(session)
    worker_id = add_worker(session)
    [failed, _] = record(session, worker_id, series_id, [raised(), completed(a=1)])
    assert retry_and_delete.retry(session, series_id) == Retried(1, 0)
    session.commit()
    assert statuses(session) == ["pending", "completed", "pending", "pending"]
    one = session.get_one(Experiment, failed)
    assert (one.started_at, one.finished_at) == (None, None)
    record(session, worker_id, series_id, [completed(a=2)])
    attempts = session.execute(
        select(Attempt.number, Attempt.outcome)
        .where(Attempt.experiment_id == failed)
        .order_by(Attempt.number)
    ).all()
    assert [tuple(row) for row in attempts] == [(1, Outcome.ERROR), (2, Outcome.COMPLETED)]


def test_retry_of_cancelled(session: Session) -> None:
    """Only the statuses that are named are tried again."""
    series_id = add_series(session)
    record(session, add_worker(session), series_id, [raised(), {"outcome": Outcome.CANCELLED}])
    assert retry_and_delete.retry(session, series_id, [ExperimentStatus.CANCELLED]) == Retried(1, 0)
    assert statuses(session)[:2] == ["failed", "pending"]


def test_retry_of_completed(session: Session) -> None:
    """A completed experiment runs again; its results stay with the replaced attempt."""
    series_id = add_series(session)
    worker_id = add_worker(session)
    first, second, _ = record(
        session, worker_id, series_id, [completed(a=math.inf), completed(a=2), raised()]
    )
    chosen = Selection(where=condition_of(session, "série", 'a == 2 or outcome == "error"'))
    asked = [ExperimentStatus.COMPLETED]
    assert selection.count(session, series_id, chosen, ExperimentStatus.COMPLETED) == 1
    assert retry_and_delete.retry(session, series_id, asked, selection=chosen) == Retried(1, 0)
    session.commit()
    assert statuses(session) == ["completed", "pending", "failed", "pending"]
    assert retry_and_delete.retry(session, series_id, asked, selection=Selection((first,))) == Retried(1, 0)
    session.commit()
    assert session.get_one(Experiment, first).results is None
    assert session.get_one(Attempt, (first, 1)).results == {"a": math.inf}
    record(session, worker_id, series_id, [completed(a=3), completed(a=4)])
    assert [session.get_one(Experiment, one).results for one in (first, second)] == [{"a": 3}, {"a": 4}]
    outcomes = session.scalars(
        select(Attempt.outcome).where(Attempt.experiment_id == second).order_by(Attempt.number)
    )
    assert list(outcomes) == [Outcome.REPLACED, Outcome.COMPLETED]
    [counted] = overview.series_summaries(session, [series_id])
    assert (counted.counts.completed, counted.counts.failed, counted.counts.pending) == (2, 1, 1)
    assert retry_and_delete.retry(session, series_id, asked) == Retried(2, 0)


def test_retry_by_outcome_and_experiment(session: Session) -> None:
    """Only those whose last attempt ended so, and only the experiments that are named."""
    series_id = add_series(session)
    late = {"outcome": Outcome.TIMED_OUT}
    first, second, third = record(session, add_worker(session), series_id, [late, raised(), late])
    timed_out = Selection(outcome=Outcome.TIMED_OUT)
    assert (
        retry_and_delete.retry(session, series_id, selection=Selection((second,), Outcome.TIMED_OUT)).retried
        == 0
    )
    assert retry_and_delete.retry(session, series_id, selection=Selection((third,))).retried == 1
    assert statuses(session) == ["failed", "failed", "pending", "pending"]
    assert retry_and_delete.retry(session, series_id, selection=timed_out).retried == 1
    assert session.get_one(Experiment, first).status is ExperimentStatus.PENDING


def test_retry_in_parts(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many are changed in several transactions, each of them once."""
    monkeypatch.setattr(selection, "BATCH", 3)
    series_id = add_series(session, repetitions=4)
    record(session, add_worker(session), series_id, [completed(a=1), *[raised()] * 7])
    with scoped_session() as scope:
        assert retry_and_delete.retry(scope, series_id) == Retried(7, 0)
    assert statuses(session) == ["completed", *["pending"] * 7]


def test_retry_grants_new_retries(session: Session) -> None:
    """After a retry by hand the limits count anew, and what waits for its time waits no longer."""
    series_id = add_series(session, parameters=[{}], repetitions=1)
    worker_id = add_worker(session)
    policy = RetryPolicy({Outcome.CRASHED: 1}, delay_s=100.0)

    def crash() -> ExperimentStatus:
        [one] = claim(session, worker_id, series_id, 1)
        ended = Finished(one.experiment_id, one.attempt_number, Outcome.CRASHED)
        protocol.record_and_claim(session, worker_id, [ended], request=ClaimRequest(series_id), policy=policy)
        session.commit()
        session.expire_all()
        return session.get_one(Experiment, one.experiment_id).status

    assert crash() is ExperimentStatus.PENDING
    assert claim(session, worker_id, series_id, 1) == ()
    assert retry_and_delete.retry(session, series_id) == Retried(0, 1)
    assert crash() is ExperimentStatus.PENDING
    assert retry_and_delete.retry(session, series_id, [ExperimentStatus.CANCELLED]) == Retried(0, 0)
    assert claim(session, worker_id, series_id, 1) == ()
    assert retry_and_delete.retry(session, series_id) == Retried(0, 1)
    session.execute(update(Experiment).values(retries_reset_at=0))
    session.commit()
    assert crash() is ExperimentStatus.FAILED
    assert retry_and_delete.retry(session, series_id) == Retried(1, 0)
    assert crash() is ExperimentStatus.PENDING
    assert session.scalar(select(func.count()).select_from(Attempt)) == 4


def test_retry_leaves_the_rest_alone(session: Session) -> None:
    """Retired experiments, other series and what workers own are not touched."""
    series_id = add_series(session)
    other_id = add_series(session, "other")
    worker_id = add_worker(session)
    [retired] = record(session, worker_id, series_id, [raised()])
    record(session, worker_id, other_id, [raised()])
    claim(session, worker_id, series_id, 2)
    session.execute(update(Experiment).where(Experiment.id == retired).values(retired=True))
    session.commit()
    before = statuses(session)
    assert retry_and_delete.retry(session, series_id) == Retried(0, 0)
    assert statuses(session) == before


@pytest.mark.parametrize("status", ["pending", "claimed", "running"])
def test_impossible_retry(session: Session, status: str) -> None:
    """What is not finished needs no retry."""
    told = f"{status} experiments cannot be retried; .* failed or cancelled or completed"
    with pytest.raises(ExperimentsError, match=told):
        retry_and_delete.retry(session, 1, [ExperimentStatus(status)])


def test_delete(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A series goes with everything recorded of it, in parts; other series stay."""
    monkeypatch.setattr(retry_and_delete, "DELETE_BATCH", 3)
    series_id = add_series(session, repetitions=4)
    other_id = add_series(session, "other")
    worker_id = add_worker(session)
    chunk = Chunk("loss", 0, 1, b"12345678", b"12345678", b"12345678")
    record(session, worker_id, series_id, [{**completed(a=1), "chunks": (chunk,)}, raised()])
    record(session, worker_id, other_id, [completed(a=1)])
    with scoped_session() as scope:
        assert retry_and_delete.delete_series(scope, series_id) == 8
    left = {
        table.name: session.scalar(select(func.count()).select_from(table))
        for table in Base.metadata.sorted_tables
    }
    assert left == {
        "experiment_series": 1,
        "configuration": 2,
        "experiment": 4,
        "attempt": 1,
        "metric_chunk": 0,
        "artifact": 0,
        "code": 0,
        "series_code": 0,
        "runner": 1,
        "worker": 1,
        "tally": 2,
    }
    assert [summary.name for summary in overview.series_summaries(session)] == ["other"]


def test_delete_refuses_while_running(session: Session) -> None:
    """A live runner's series stays; the message names its runner."""
    series_id = add_series(session)
    claim(session, add_worker(session), series_id, 1)
    with pytest.raises(SeriesInUseError, match=r"a runner is running this series \(process \d+ on .+\)"):
        retry_and_delete.delete_series(session, series_id)
    session.rollback()
    assert len(statuses(session)) == 4


def test_delete_after_a_crash(session: Session) -> None:
    """What a dead runner left claimed does not keep a series."""
    series_id = add_series(session)
    claim(session, add_worker(session), series_id, 2)
    session.execute(update(Runner).values(pid_start=1))
    session.commit()
    with scoped_session() as scope:
        assert retry_and_delete.delete_series(scope, series_id) == 4
    assert [summary.name for summary in overview.series_summaries(session)] == []


def test_claim_during_delete(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that comes between two parts stops the deletion; the series is left as unfinished."""
    monkeypatch.setattr(retry_and_delete, "DELETE_BATCH", 3)
    series_id = add_series(session, repetitions=4)
    worker_id = add_worker(session)
    original = retry_and_delete._delete_unowned

    def delete_after_claim(scope: Session, series: int) -> int:
        if not claimed:
            with SessionLocal() as other:
                claimed.extend(claim(other, worker_id, series, 1))
        return original(scope, series)

    claimed: list[object] = []
    monkeypatch.setattr(retry_and_delete, "_delete_unowned", delete_after_claim)
    with pytest.raises(SeriesInUseError), scoped_session() as scope:
        retry_and_delete.delete_series(scope, series_id)
    assert statuses(session) == ["running"]
    left = session.get_one(ExperimentSeries, series_id)
    assert (left.state, left.digest) == (SeriesState.CREATING, "")


def test_worker_of_a_deleted_series(session: Session) -> None:
    """A worker whose experiment was deleted is told that nothing was recorded, and nothing is."""
    series_id = add_series(session)
    worker_id = add_worker(session)
    [one] = claim(session, worker_id, series_id, 1)
    session.execute(delete(Experiment).where(Experiment.id == one.experiment_id))
    session.commit()
    finished = Finished(one.experiment_id, one.attempt_number, Outcome.COMPLETED, results="{}")
    found = protocol.record_and_claim(
        session, worker_id, [finished], request=ClaimRequest(series_id), policy=NEVER
    )
    session.commit()
    assert found.refused == {(one.experiment_id, one.attempt_number)}
    assert session.scalar(select(func.count()).select_from(Attempt)) == 0
    assert session.scalar(select(func.count()).select_from(MetricChunk)) == 0
