"""What the commands check and create, on both databases."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal
from tests.integration.meta.commanding import SERIES_FILE, Commands, filled
from tests.integration.recording import add_worker, completed, record


def test_create_and_check(commands: Commands) -> None:
    """`check` counts what `create` then records; doing it again adds nothing."""
    facts = commands.json("check", "first.yaml")
    assert facts == {
        "series": "first",
        "target": f"{Path.cwd()}/train.py:main",
        "parameters": ["epochs", "lr", "model.depth"],
        "configurations": 2,
        "repetitions": 3,
        "experiments": 6,
        "new": 6,
        "existing": 0,
        "retired": 0,
    }
    assert commands("create", "first.yaml") == "first: 6 new\n"
    assert commands("create", "first.yaml") == "first: 0 new, 6 existing\n"
    Path("first.yaml").write_text(
        SERIES_FILE.replace("[0.1, 0.01]", "[0.01, 0.001]").replace("seeds: 3", "seeds: 4")
    )
    facts = commands.json("check", "first.yaml")
    assert (facts["new"], facts["existing"], facts["retired"]) == (5, 3, 3)
    assert commands.json("create", "first.yaml") == [
        {"series": "first", "new": 5, "existing": 3, "retired": 3}
    ]
    assert commands.json("check", "first.yaml")["retired"] == 3
    assert "retired         3\n" in commands("check", "first.yaml")


def test_check_writes_nothing(commands: Commands) -> None:
    """`check` leaves the database as it is."""
    commands("check", "first.yaml")
    with SessionLocal() as session:
        assert session.scalars(select(ExperimentSeries)).all() == []


def test_check_of_names_of_results(commands: Commands) -> None:
    """A name that no completed experiment has as a result is a note with its line."""
    Path("first.yaml").write_text(f"{SERIES_FILE}graphs:\n  - {{y: acuracy, x: lr}}\n")
    commands("create", "first.yaml")
    commands("check", "first.yaml")
    assert "acuracy" not in commands.err
    with SessionLocal() as session:
        series_id = session.scalars(select(ExperimentSeries.id)).one()
        record(session, add_worker(session), series_id, [completed(accuracy=1)])
    commands("check", "first.yaml")
    assert "note: first.yaml:9: graphs[0].y: there is no result or metric named 'acuracy'" in commands.err


def test_check_of_another_target(commands: Commands) -> None:
    """A series of the same name that runs something else is told before it is created."""
    filled()
    commands("check", "first.yaml", code=2)
    assert "series first exists and runs train.py:main, but first.yaml runs" in commands.err


def test_create_goes_on_after_a_bad_file(commands: Commands) -> None:
    """A wrong file is reported with its line; the others are created."""
    Path("bad.yaml").write_text("name: bad\nrun: {function: train.py:mian}\n")
    assert commands("create", "bad.yaml", "first.yaml", code=2) == "first: 6 new\n"
    assert "bad.yaml:2: run.function" in commands.err
