"""Intervals that reach further to one side, from rows to all formats: half of the width would mislead."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from scipy import stats

from database.session.lifecycle import scoped_session
from meta.commands.group import run_command
from meta.tables.generate import generate_all_tables

SECTIONS = {
    "grid": {"method": ["all", "few"]},
    "repeat": {"seeds": 10},
    "tables": [
        {"y": "solved", "rows": "method", "show": "mean±ci95", "name": "shares"},
        {"y": "solved", "rows": "method", "interval": "exact", "name": "asked"},
        {"y": "value", "rows": "method", "show": "median±ci95", "name": "medians"},
    ],
}
FORMATS = ("markdown", "latex", "csv", "html")


@pytest.fixture
def outcome(written):
    """Return what experiments left: all are solved or one of ten; values 1 to 9, and one of 1e46."""

    def left(parameters, repetition: int):
        value = 1e46 if repetition == 9 else float(repetition + 1)
        solved = parameters["method"] == "all" or repetition == 0
        return written(results={"solved": solved, "value": value})

    return left


def test_both_ends_stand_in_all_formats(
    *, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, write_series, outcome, capsys
) -> None:
    """1.00 [0.69, 1.00], and not half of an interval after a plus-minus sign; the note says why."""
    monkeypatch.setenv("EXPERIMENTS_RESULTS", str(tmp_path))
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
    with scoped_session(read_only=True) as session:
        shares, asked, medians = generate_all_tables(session, "study", formats=FORMATS)
    for result in (shares, asked):
        markdown, latex, numbers, html = (path.read_text() for path in result.paths)
        for text in (markdown, latex, html):
            assert "1.00 [0.69, 1.00]" in text
            assert "0.10 [0.00, 0.45]" in text
            assert "half of the width would reach beyond what is possible" in " ".join(text.split())
            assert "±" not in text
            assert "pm$" not in text
        for row, hits in zip(csv.DictReader(io.StringIO(numbers)), (10, 1), strict=True):
            exact = stats.binomtest(hits, 10).proportion_ci(0.95, "exact")
            assert (float(row["low"]), float(row["high"])) == pytest.approx((exact.low, exact.high))
            assert (row["interval"], row["n"]) == ("Clopper-Pearson", "10")
    assert medians.table is not None
    for cell in medians.table.cells.cells.values():
        assert (cell.estimate, cell.low, cell.high) == (5.5, 2.0, 9.0)
        assert cell.method == "order statistics"
    assert run_command(["table", "study", "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)[0]["cells"]
    assert [cell["interval"] for cell in cells] == ["Clopper-Pearson"] * 2
    assert run_command(["table", "study"]) == 0
    assert "1.00 [0.69, 1.00]" in capsys.readouterr().out
