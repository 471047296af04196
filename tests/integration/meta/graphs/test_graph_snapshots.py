"""What others write while the graphs of a series are read."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from database.engine.registry import get_engine
from database.models import Experiment, ExperimentStatus, MetricChunk
from database.queries.series_lookup import find_series
from database.session.lifecycle import SessionLocal, scoped_session
from meta.generate_aggregate_graphs import generate_all_graphs
from meta.records.selection import subsets
from meta.records.series_records import SeriesRecords

STEPS = np.arange(5, dtype="<i8")


def write_meanwhile() -> None:
    """Complete an experiment and log its curve, and give the others other results."""
    with SessionLocal() as other:
        for experiment in other.scalars(select(Experiment)):
            experiment.results = {"accuracy": 2.0}
            if experiment.status is ExperimentStatus.PENDING:
                experiment.status = ExperimentStatus.COMPLETED
                content = {"steps": STEPS.tobytes(), "readings": b"\0" * 40, "seconds": b"\0" * 40}
                other.add(
                    MetricChunk(
                        experiment_id=experiment.id,
                        attempt_number=1,
                        metric="loss",
                        number=0,
                        count=5,
                        **content,
                    )
                )
        other.commit()


@pytest.fixture
def series(database_url: str, write_series, written) -> None:
    def left(parameters, repetition):
        if repetition == 3:
            return written(status=ExperimentStatus.PENDING, attempts=0)
        return written(results={"accuracy": 1.0}, chunks={(1, "loss", 0): (STEPS, [1.0] * 5)})

    graphs = [{"kind": "curve", "y": "loss"}, {"kind": "bar", "y": "accuracy", "x": "lr"}]
    graphs = [{**graph, "formats": ["svg"]} for graph in graphs]
    with scoped_session() as session:
        write_series(session, left, grid={"lr": [0.1, 0.2]}, repeat={"seeds": 4}, graphs=graphs)


@pytest.mark.parametrize("kind", ["read only", "own scope", "plain"])
@pytest.mark.usefixtures("series")
def test_what_is_written_meanwhile_is_not_half_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    """Somebody commits between two statements of the reading: the records are still those of one moment."""
    reading: list[Session] = []
    statements: list[str] = []
    found: list[SeriesRecords] = []

    def meanwhile(_connection, _cursor, statement, *_rest) -> None:
        session = reading[-1] if reading else None
        if session is not None and "FROM experiment" in statement and not statements:
            statements.append(statement)
            reading.clear()  # what is written below is not this reading
            write_meanwhile()

    original = subsets.read_records

    def read(session: Session, *rest) -> SeriesRecords:
        find_series(session, "study")  # the first read, which takes the snapshot
        reading.append(session)
        found.append(original(session, *rest))
        return found[-1]

    monkeypatch.setattr(subsets, "read_records", read)
    event.listen(get_engine(), "after_cursor_execute", meanwhile)
    try:
        session_of: AbstractContextManager[Session] = {
            "read only": lambda: scoped_session(read_only=True),
            "own scope": scoped_session,
            "plain": SessionLocal,
        }[kind]()
        with session_of as session:
            first = generate_all_graphs(session, "study", tmp_path)
            second = generate_all_graphs(session, "study", tmp_path)
    finally:
        event.remove(get_engine(), "after_cursor_execute", meanwhile)
    assert statements
    before, after = found
    assert {len(one.completed) for one in before.configurations} == {3}
    assert {
        experiment.results["accuracy"] for one in before.configurations for experiment in one.completed
    } == {1.0}
    assert len(before.curves["loss"]) == 6
    assert before.missing()["pending"] == before.missing().total() == 2
    assert len(after.curves["loss"]) == 8
    assert after.missing().total() == 0
    assert not any(result.error or result.unchanged for result in [*first, *second])
