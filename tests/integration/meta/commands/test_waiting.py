"""What is printed about experiments that wait, and about keys without effect."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from database.models import Experiment
from database.session.lifecycle import SessionLocal
from meta.commands.group import run_command
from tests.integration.recording import add_series

DUE = datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
def series(sqlite_url: str) -> int:
    """Return a series of three pending experiments, of which two wait before they are tried again."""
    assert sqlite_url
    with SessionLocal() as session:
        series_id = add_series(session, "first", [{"lr": 0.1}], repetitions=3)
        for position, due_at in ((1, DUE), (2, DUE + timedelta(hours=1))):
            session.execute(update(Experiment).where(Experiment.position == position).values(due_at=due_at))
        session.commit()
    return series_id


def test_status_of_delayed(series: int, capsys: pytest.CaptureFixture[str]) -> None:
    """`status` says how many wait before their next attempt, and until when the first one does."""
    assert series
    assert run_command(["status", "first"]) == 0
    assert "delayed          2 to be tried again, the first at 2031-05-04" in capsys.readouterr().out
    assert run_command(["status", "first", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["delayed"], data["first_due_at"]) == (2, "2031-05-04T03:02:01+00:00")


def test_show_of_delayed(series: int, capsys: pytest.CaptureFixture[str]) -> None:
    """`show` says until when an experiment waits, and nothing of the kind for one that does not."""
    assert series
    with SessionLocal() as session:
        first, second, _ = session.scalars(select(Experiment.id).order_by(Experiment.position))
    run_command(["show", str(second)])
    assert "waits until  2031-05-04" in capsys.readouterr().out
    run_command(["show", str(first)])
    assert "waits until" not in capsys.readouterr().out


def test_keys_without_effect(tmp_path: Path, sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`check` says which keys do nothing in a series that runs in one process."""
    assert sqlite_url
    (tmp_path / "t.py").write_text("def main(x): return {}\n")
    file = tmp_path / "s é.yaml"
    file.write_text(
        "name: s\nrun: {function: t.py:main}\ngrid: {x: [1]}\n"
        "execute: {workers: 0, timeout: 1s, isolation: process}\n"
    )
    assert run_command(["check", str(file)]) == 0
    told = capsys.readouterr().err
    assert "note: execute.isolation, execute.timeout have no effect with 0 workers" in told
