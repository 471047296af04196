"""What a worker is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.execution.worker_config import WorkerConfig, WorkerConfigError


def test_from_a_mapping() -> None:
    """A mapping has the same names; a wrong one is told with the nearest."""
    assert WorkerConfig.of({"database_url": "sqlite:///x.db"}).database_url == "sqlite:///x.db"
    assert WorkerConfig.of(None) == WorkerConfig()
    with pytest.raises(WorkerConfigError, match="did you mean 'database_url'"):
        WorkerConfig.of({"database_uri": "sqlite:///x.db"})


def test_unregistered_worker() -> None:
    """The loop refuses a worker without ids, and says what to call."""
    with pytest.raises(WorkerConfigError, match="run_a_single_experiment"):
        WorkerConfig().identity()


def test_results_lie_beside_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is the one given, EXPERIMENTS_RESULTS, or that of the SQLite file; always absolute."""
    monkeypatch.chdir(tmp_path)
    config = WorkerConfig(database_url="sqlite:///a/x.db")
    assert config.folder().root == tmp_path / "a"
    monkeypatch.setenv("EXPERIMENTS_RESULTS", "b")
    assert config.folder().root == tmp_path / "b"
    assert WorkerConfig(results_directory="c").folder().root == tmp_path / "c"
