"""Every file in configs/ runs and is drawn, reduced to a few short experiments."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from database.session.lifecycle import scoped_session
from experiments.run_experiments import RunOptions, run_series
from experiments.series_file.loading import load_series_file
from meta.frames import load_curves, load_experiments
from meta.generate_aggregate_graphs import generate_all_graphs

CONFIGS = Path(__file__).parents[3] / "configs"


@dataclass(frozen=True)
class Short:
    """What makes the experiments of a file short, and what is to come of them.

    Attributes
    ----------
    workers : int
        0 runs in the process of the test, which some experiments would end.
    points : dict of str to int
        How many points each experiment logs of each metric.
    completed : float
        Which share of the experiments.
    """

    fixed: dict[str, Any]
    sections: dict[str, Any] = field(default_factory=dict)
    workers: int = 0
    points: dict[str, int] = field(default_factory=dict)
    completed: float = 1.0


SHORT = {
    "bandits.yaml": Short({"steps": 20}, points={"reward": 20, "optimal_action": 20}),
    "failures.yaml": Short(
        {"effort": 0.01, "chance": 1.0},
        {"execute": {"timeout": "3s", "memory": "300MB", "retries": {"crashed": 1, "delay": 0}}},
        workers=2,
        completed=2 / 5,  # none, and what dies once
    ),
    "quickstart.yaml": Short({"epochs": 2}, points={"loss": 2, "accuracy": 2}),
    "solvers.yaml": Short({"budget": 60, "tolerance": 0.1}, points={"gap": 35}),
}


def test_every_file_is_tested() -> None:
    """A new file in configs/ joins this test."""
    assert {path.name for path in CONFIGS.glob("*.yaml")} == set(SHORT)


@pytest.mark.parametrize("name", sorted(SHORT))
def test_shipped_series_runs_and_is_drawn(sqlite_url: str, tmp_path: Path, name: str) -> None:
    """All experiments end as they should, every graph is drawn, and curves have all their steps."""
    short = SHORT[name]
    written = load_series_file(CONFIGS / name).file.model_dump(mode="json")
    graphs = [{**graph, "formats": ["png"]} for graph in written["graphs"]]
    sections = {"fixed": short.fixed, "repeat": {"seeds": 2}, "graphs": graphs, **short.sections}
    series = {**written, **sections}
    summary = run_series(series, RunOptions(workers=short.workers))
    assert summary.after.completed == summary.after.experiments * short.completed > 0
    experiments = load_experiments(series["name"])
    curves = load_curves(series["name"])
    with scoped_session(read_only=True) as session:
        results = generate_all_graphs(session, series["name"], tmp_path / "graphs")
    assert [result.error for result in results] == [None] * len(graphs)
    assert all(path.stat().st_size > 0 for result in results for path in result.paths)
    counts = {metric: len(experiments) * points for metric, points in short.points.items()}
    assert curves["metric"].value_counts().to_dict() == counts
    assert curves["value"].notna().all()
    known = {column.removeprefix("metrics.").removesuffix(".last") for column in experiments.columns}
    assert set(series["metrics"]) <= known, "a label of nothing"
