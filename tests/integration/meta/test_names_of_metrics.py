"""Metrics and results whose names are no names of Python, from `run.log` to every reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.frames import load_curves, load_experiments
from tests.integration.meta.commanding import Commands, folder

TRAIN = """
def main(lr, run):
    for step in range(4):
        run.log({"val/loss": lr / (step + 1), "../up [%]": step * lr}, seconds=1.0)
    return {"test/f1": lr, "per class": {"a.b": 2 * lr}}
"""
SERIES = """
name: odd
run: train.py:main
grid: {lr: [0.5, 0.25]}
repeat: 2
metrics: {val/loss: {goal: min}}
graphs:
  - {y: val/loss, x: step, formats: [png]}
  - {kind: scatter, y: '../up [%]', x: val/loss, where: 'metrics["val/loss"].last < 0.2', formats: [png]}
tables:
  - {y: val/loss, rows: lr}
  - {y: '../up [%]', rows: lr}
"""


@pytest.fixture
def odd(commands: Commands) -> Commands:
    """Return the command after a run of the series."""
    Path("train.py").write_text(TRAIN)
    Path("odd.yaml").write_text(SERIES)
    commands("run", "odd.yaml", "--workers", "0", "--quiet")
    return commands


def test_names_everywhere(odd: Commands) -> None:
    """Graphs, tables, expressions, exports and frames take the names, and file names are safe."""
    graphs, tables = odd.json("graphs", "odd"), odd.json("table", "odd")
    assert [result["error"] for result in (*graphs, *tables)] == [None] * 4
    for kind, results in (("graphs", graphs), ("tables", tables)):
        files = {Path(path) for result in results for path in result["paths"]}
        assert {path.parent for path in files} == {folder().series("odd") / kind}
        assert all(path.is_file() for path in files)
    assert graphs[0]["name"].startswith("curve-val_loss-over-step-")

    for expression in (
        'metrics["val/loss"].last < 0.1',
        'results["test/f1"] < 0.3',
        'results["per class"]["a.b"] < 0.6',
    ):
        assert [row["parameters"] for row in odd.json("list", "odd", "--where", expression)] == [
            {"lr": 0.25}
        ] * 2
    assert len(odd.json("compare", "odd", "--of", "lr", "--on", "val/loss")["pairs"]) == 1
    head = odd("export", "odd").splitlines()[0].split(",")
    assert {"results.test/f1", "results.per class.a.b", "results.metrics.val/loss.last"} <= set(head)
    curves, columns = load_curves("odd", "val/loss"), load_experiments("odd").columns
    assert curves["value"].tolist()[:4] == [0.5, 0.25, 0.5 / 3, 0.125]
    assert {"test/f1", "per class.a.b", "metrics.../up [%].last"} <= set(columns)
