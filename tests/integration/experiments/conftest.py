"""Fixtures: a user's folder, series files in it, and small parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import creation
from tests.integration.experiments.creating import Write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mon projet é"
    path.mkdir()
    (path / "train.py").write_text(
        "def main(lr=0, depth=1, *, seed, **more): return {}\ndef other(**anything): return {}\n"
        "def strict(learning_rate, depth, *, model=None): return {}\n"
    )
    return path


@pytest.fixture
def write(folder: Path) -> Write:
    """Return a function that writes the series file, with `sections` as YAML lines."""

    def write_file(
        sections: str, *, name: str = "s", function: str = "train.py:main", file: str = "s.yaml"
    ) -> Path:
        path = folder / file
        path.write_text(f"name: {name}\nrun: {{function: {function}}}\n{sections}\n", encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a batch of four rows, so that a handful of experiments takes several."""
    monkeypatch.setattr(creation, "BATCH_ROWS", 4)
