"""What only counts the steps has no default graph or table, and is told, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from database.models import ExperimentSeries
from database.session.lifecycle import scoped_session
from meta.report import generate_reports
from tests.integration.meta.commanding import Commands

SAID = "which only count the steps"


@pytest.fixture
def counted(commands: Commands, write_series, written) -> Commands:
    """Return the command, with a series that logged a loss and the epoch, from 1, in two chunks."""

    def left(parameters, repetition):
        summary = {"last": 6.0, "min": 1.0, "max": 6.0, "count": 6}
        return written(
            results={"epochs": 6, "metrics": {"epoch": summary, "loss": {**summary, "last": 1.0}}},
            chunks={
                (1, "epoch", 0): (range(4), range(1, 5)),
                (1, "epoch", 1): (range(4, 6), range(5, 7)),
                (1, "loss", 0): (range(6), [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]),
            },
        )

    with scoped_session() as session:
        write_series(session, left, grid={"lr": [0.1, 0.2]}, repeat=2)
    return commands


def test_defaults_leave_out_what_counts_the_steps(counted: Commands, tmp_path: Path) -> None:
    """Graphs, tables and reports say so in one line, and a file that asks for it gets it."""
    drawn, note = counted.json("graphs", "study")
    assert (drawn["name"], drawn["error"]) == ("curve-loss-over-step-by-lr", None)
    assert (note["name"], note["note"]) == ("graphs", f"left out: 'epoch', 'epochs', {SAID}")
    table, note = counted.json("table", "study")
    assert (table["name"], note["note"]) == ("table-loss-by-lr", f"left out: 'epochs', 'epoch', {SAID}")
    assert "study: tables: left out: " in counted("table", "study") + counted.err

    with scoped_session() as session:
        found = session.scalars(select(ExperimentSeries)).one()
        asked = {"kind": "curve", "y": "epoch", "x": "step"}
        found.resolved = {**found.resolved, "graphs": [asked]}
    with scoped_session(read_only=True) as session:
        [report] = generate_reports(session, "study", tmp_path / "report")
    assert [figure.name for figure in report.figures] == ["curve-epoch-over-step"]
    assert [table.name for table in report.tables] == ["table-loss-by-lr"]
    assert report.path.read_text(encoding="utf-8").count(SAID) == 1
    assert report.errors == {}
