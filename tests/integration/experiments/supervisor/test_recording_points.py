"""Recording what running experiments have logged."""

from __future__ import annotations

from array import array
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from database.claims.runners import Provenance
from database.claims.types import Claim, ClaimRequest
from database.models import MetricChunk
from database.session.lifecycle import SessionLocal
from experiments.execution.assignment import Assignment
from experiments.journal import JournalReader
from experiments.output.results_folder import ResultsFolder
from experiments.points.writer import PointsWriter
from experiments.supervisor import recording
from experiments.supervisor.database_thread import DatabaseThread, Transactions
from experiments.supervisor.recording import WorkerRecords, record_points
from tests.faults.refusal import refuse
from tests.integration.database.claiming import completed, make_series, make_worker, record_and_claim
from tests.integration.experiments.supervisor.test_database_thread import Bell


def claim_one() -> tuple[int, str, Claim]:
    """Return the series, the worker and its claim."""
    with SessionLocal() as session:
        series_id, worker_id = make_series(session, 1), make_worker(session)
        [claim] = record_and_claim(session, worker_id, request=ClaimRequest(series_id, claims=1)).claims
        return series_id, worker_id, claim


def steps_of(metric: str) -> list[int]:
    """Return the recorded steps of a metric."""
    with SessionLocal() as session:
        found = select(MetricChunk.steps).where(MetricChunk.metric == metric).order_by(MetricChunk.number)
        return [step for steps in session.scalars(found) for step in array("q", steps)]


def test_worker_and_supervisor_record_the_same_points(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the supervisor has recorded, also when it died before it noted that, is there once in the end."""
    monkeypatch.setattr(recording, "_POINTS_AT_ONCE", 400)
    series_id, worker_id, claim = claim_one()
    path = tmp_path / "points"
    writer = PointsWriter(path, claim.token)
    logged: list[int] = []

    def log(count: int) -> None:
        for step in range(len(logged), len(logged) + count):
            writer.append(step, {"a": 1.0, "é": 2.0}, step / 40)
            logged.append(step)

    with SessionLocal() as session:
        transactions = Transactions(session)
        log(1_000)
        rounds = 1
        while record_points(transactions, worker_id, claim.token, path):
            rounds += 1
        assert rounds > 3
        assert steps_of("a") == steps_of("é") == logged
        log(30)
        with monkeypatch.context() as dying:
            dying.setattr(recording, "note_recorded", lambda *_: None)
            assert not record_points(transactions, worker_id, claim.token, path)
        assert steps_of("a") == logged
        log(30)
        assert not record_points(transactions, worker_id, claim.token, path)
        assert steps_of("a") == logged
        log(3)
        chunks = writer.close()
        assert sum(chunk.count for chunk in chunks) < 500  # not all of them again
        record_and_claim(
            session, worker_id, [completed(claim, chunks=chunks)], request=ClaimRequest(series_id)
        )
    assert steps_of("a") == steps_of("é") == logged


def test_refused_points(database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Points that the database refuses are told once, and do not end the run."""
    _, worker_id, claim = claim_one()
    refuse("metric_chunk")
    worker: Any = SimpleNamespace(
        worker_id=worker_id, journal=JournalReader(tmp_path / "journal"), points=tmp_path / "points"
    )
    writer = PointsWriter(worker.points, claim.token)
    bell = Bell()
    database = DatabaseThread(bell.ring)
    assignment = Assignment(1, "s", "s", database_url, ResultsFolder(tmp_path), Provenance(), "serial")
    records = WorkerRecords(database, assignment, lambda: None)
    try:
        for step in range(3):
            writer.append(step, {"a": 1.0}, 0.0)
            records.record_for(worker, claim.token, busy_s=3.0)
            bell.wait(database)
    finally:
        database.give_up()
        assert database.close(30.0)
        bell.close()
    told = [each.getMessage() for each in caplog.records if each.name == recording.__name__]
    assert len(told) == 1
    assert told[0].startswith(
        f"experiment {claim.experiment_id}: its metrics cannot be recorded while it runs:"
    )
    assert "house_rule" in told[0]
