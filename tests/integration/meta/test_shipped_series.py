"""Every file in configs/ runs and is drawn, reduced to a few short experiments."""

from __future__ import annotations

from pathlib import Path

import pytest

from database.session import scoped_session
from experiments.run_experiments import run_series
from experiments.series_file.loading import load_series_file
from experiments.series_run import RunOptions
from meta.frames import load_curves, load_experiments
from meta.generate_aggregate_graphs import generate_all_graphs

CONFIGS = Path(__file__).parents[3] / "configs"
#: What makes the experiments of each file short.
SHORT = {"bandits.yaml": {"steps": 20}, "quickstart.yaml": {"epochs": 2}}


def test_every_file_is_tested() -> None:
    """A new file in configs/ joins this test."""
    assert {path.name for path in CONFIGS.glob("*.yaml")} == set(SHORT)


@pytest.mark.parametrize("name", sorted(SHORT))
def test_shipped_series_runs_and_is_drawn(sqlite_url: str, tmp_path: Path, name: str) -> None:
    """All experiments complete, every graph of the file is drawn, and curves have all their steps."""
    written = load_series_file(CONFIGS / name).file.model_dump(mode="json")
    short = {**written, "fixed": SHORT[name], "repeat": {"seeds": 2}}
    summary = run_series(short, RunOptions(workers=0))
    assert summary.after.completed == summary.after.experiments > 0
    with scoped_session(read_only=True) as session:
        experiments = load_experiments(session, short["name"])
        curves = load_curves(session, short["name"])
        results = generate_all_graphs(session, short["name"], tmp_path / "graphs")
    assert [result.error for result in results] == [None] * len(short["graphs"])
    assert all(path.stat().st_size > 0 for result in results for path in result.paths)
    (steps,) = SHORT[name].values()
    assert len(curves) == len(experiments) * len(short["metrics"]) * steps
    assert curves["value"].notna().all()
