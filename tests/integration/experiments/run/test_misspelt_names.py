"""Names of results in a series file that no experiment returns, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import event

from database.session.lifecycle import SessionLocal
from experiments.run_experiments import RunOptions, run_series
from experiments.supervisor.name_notice import NameNotice
from tests.integration.recording import add_series, add_worker, completed, record

TRAIN = """
def main(x, run):
    run.log(step=1, loss=x)
    return {"accuracy": x}
"""
SERIES = """
name: s
run: {function: train.py:main}
grid: {x: [1, 2]}
repeat: {seeds: SEEDS}
graphs:
  - {y: acuracy, x: x}
  - {y: accuracy, x: x}
tables:
  - {y: los, rows: x}
"""
VALID = "results and metrics: accuracy, loss (in what is completed so far)"
TOLD = [
    f"7: graphs[0].y: there is no result or metric named 'acuracy'; did you mean 'accuracy'? {VALID}",
    f"10: tables[0].y: there is no result or metric named 'los'; did you mean 'loss'? {VALID}",
]


@pytest.mark.parametrize("workers", [0, 1])
def test_told_once_in_each_run(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, workers: int
) -> None:
    """The first run tells of wrong names when an experiment is completed, the next ones before they start."""
    (tmp_path / "train.py").write_text(TRAIN)
    file = tmp_path / "s.yaml"
    options = RunOptions(workers=workers, results_directory=tmp_path / "results")
    for seeds in (1, 2, 2):
        caplog.clear()
        file.write_text(SERIES.replace("SEEDS", str(seeds)))
        assert run_series(file, options).after.completed == 2 * seeds
        assert [text for text in caplog.messages if "no result" in text] == [
            f"{file}:{text}" for text in TOLD
        ]
    caplog.clear()
    run_series("s", options)
    assert [text.partition(" there")[0] for text in caplog.messages if "no result" in text] == [
        "s: graphs[0].y:",
        "s: tables[0].y:",
    ]


def test_results_that_only_some_have(database_url: str) -> None:
    """A name that any of the experiments has is right; before any is completed, nothing is told."""
    with SessionLocal() as session:
        series_id = add_series(session, repetitions=30)
        sections = {"graphs": [{"y": "rare", "x": "lr"}]}
        names = NameNotice(series_id, sections, "s")
        names.check(session)
        assert names.is_due
        assert names.remarks() == []
        ends = [completed(common=1, **({"rare": 1} if number == 20 else {})) for number in range(40)]
        ends = [{**end, "finished_at": 1e9 + number} for number, end in enumerate(ends)]
        record(session, add_worker(session), series_id, ends)
        names.check(session)
        assert not names.is_due
        assert names.remarks() == []
        other = NameNotice(series_id, {"graphs": [{"y": "commn", "x": "lr"}]}, "s")
        other.check(session)
        [remark] = other.remarks()
        assert "did you mean 'common'? results and metrics: common, rare" in remark
        assert other.remarks() == []


def test_nothing_is_read_where_there_is_nothing_to_check(database_url: str) -> None:
    """A series without graphs and tables costs no statement."""
    statements: list[str] = []
    with SessionLocal() as session:
        series_id = add_series(session)
        event.listen(session, "do_orm_execute", lambda state: statements.append(str(state.statement)))
        names = NameNotice(series_id, {"grid": {"lr": [1]}}, "s")
        names.check(session)
    assert (statements, names.is_due) == ([], False)
