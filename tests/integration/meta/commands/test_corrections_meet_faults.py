"""The verbs that correct what is recorded lose their connection in the middle, and begin again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text

from database.models import Experiment, ExperimentSeries, ExperimentStatus
from database.session.lifecycle import SessionLocal
from meta.commands.group import run_command
from tests.integration.recording import add_series, add_worker, claim, raised, record


@contextmanager
def cut_once(statement: str) -> Iterator[list[str]]:
    """Let the server end the connection on which a statement that begins so is about to be executed."""
    cut: list[str] = []

    def end(connection: Any, _cursor: Any, executed: str, *_others: Any) -> None:
        if cut or not executed.startswith(statement):
            return
        cut.append(executed)
        with connection.engine.connect() as other:
            other.execute(
                text("SELECT pg_terminate_backend(:pid)"),
                {"pid": connection.connection.dbapi_connection.info.backend_pid},
            )

    event.listen(Engine, "before_cursor_execute", end)
    try:
        yield cut
    finally:
        event.remove(Engine, "before_cursor_execute", end)


@pytest.mark.parametrize(
    ("arguments", "statement", "left"),
    [
        (("retry", "s"), "UPDATE experiment", {"pending": 3, "running": 1}),
        (
            ("cancel", "s", "--status", "pending"),
            "UPDATE experiment",
            {"failed": 1, "running": 1, "cancelled": 2},
        ),
        (("release", "s", "--force"), "UPDATE experiment", {"failed": 1, "pending": 3}),
        (("delete", "s", "--yes"), "DELETE FROM experiment", {}),
    ],
)
def test_connection_lost_in_the_middle(
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    arguments: tuple[str, ...],
    statement: str,
    left: dict[str, int],
) -> None:
    """A connection that is lost before the change was made costs nothing: it is made on another one."""
    monkeypatch.setenv("EXPERIMENTS_RESULTS", str(tmp_path))
    with SessionLocal() as session:
        series_id = add_series(session, name="s")
        worker = add_worker(session)
        record(session, worker, series_id, [raised()])
        if arguments[0] != "delete":  # which is refused while a runner is alive
            claim(session, worker, series_id, 1)
    with cut_once(statement) as cut:
        assert run_command(arguments) == 0
    assert cut
    with SessionLocal() as session:
        found = list(session.scalars(select(Experiment.status)))
        assert {status.value: found.count(status) for status in ExperimentStatus if status in found} == left
        assert (session.scalar(select(ExperimentSeries.name)) is None) == (not left)
