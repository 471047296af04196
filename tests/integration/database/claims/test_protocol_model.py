"""The claim protocol against a model, with random histories; it finds protocols that are broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, text

from database.claims import protocol, statements
from database.claims.types import Finished
from database.engine.registry import get_engine
from tests.integration.database.moved_clock import clock_of
from tests.integration.database.protocol_model import Protocol, explore, find, token_of


@pytest.fixture
def machine(sqlite_url: str) -> type[Protocol]:
    return type("Machine", (Protocol,), {"clock": clock_of(get_engine())})


@pytest.fixture
def machine_on_postgresql(postgres_url: str) -> type[Protocol]:
    return type("Machine", (Protocol,), {"clock": clock_of(get_engine())})


def test_random_histories(machine: type[Protocol]) -> None:
    """Whatever happens in whatever order, the database makes sense, and everything comes to an end."""
    explore(machine, 120)


def test_random_histories_on_postgresql(machine_on_postgresql: type[Protocol]) -> None:
    """The same on PostgreSQL, whose statements are others; fewer, because each takes longer."""
    explore(machine_on_postgresql, 20)


def without_fence(connection: Connection, worker_id: str, finished: Any, status: Any) -> int:
    statement = text(
        "UPDATE experiment SET status = :status, worker_id = NULL, results = :results WHERE id = :id"
    )
    for one in finished:
        connection.execute(
            statement, {"status": status.value, "results": one.results, "id": one.experiment_id}
        )
    return len(finished)


def overwrite_attempts(connection: Connection, worker_id: str, finished: Sequence[Finished]) -> None:
    statement = text(
        "INSERT OR REPLACE INTO attempt (experiment_id, number, worker_id, outcome) "
        "VALUES (:id, :number, :worker, :outcome)"
    )
    for one in finished:
        values = {"id": one.experiment_id, "number": one.attempt_number, "outcome": one.outcome.value}
        connection.execute(statement, {**values, "worker": worker_id})


def test_recording_without_the_fence_is_found(
    machine: type[Protocol], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same histories find a protocol that records whatever it is told, by experiment alone."""
    original = protocol._record

    def record_all(connection: Connection, worker_id: str, finished: Any, **rest: Any) -> Any:
        rest["owned"] = dict.fromkeys(map(token_of, finished)) | rest["owned"]
        return original(connection, worker_id, finished, **rest)

    monkeypatch.setattr(protocol, "_record", record_all)
    monkeypatch.setattr(statements, "finish", without_fence)
    monkeypatch.setattr(statements, "insert_attempts", overwrite_attempts)
    find(machine, 100)


def test_forgetting_unanswered_claims_is_found(
    machine: type[Protocol], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same histories find a protocol that does not hand out again what an unanswered COMMIT claimed."""
    monkeypatch.setattr(statements, "claims_of", lambda *_: [])
    find(machine, 100)


def test_trusting_workers_of_the_dead_is_found(
    machine: type[Protocol], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same histories find a protocol that lets a worker claim whose runner was declared dead."""
    monkeypatch.setattr(statements, "lock_alive", lambda *_: True)
    monkeypatch.setattr(statements, "orphaned_workers", lambda *_: [])
    find(machine, 100)


def test_tallying_what_is_retired_is_found(machine: type[Protocol], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same histories find a protocol that counts what ends after the file no longer names it."""
    monkeypatch.setattr(statements, "_COUNTED_IN", "series_id")
    find(machine, 600)
