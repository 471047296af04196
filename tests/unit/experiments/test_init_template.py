"""The example that `init` writes does what its series file says."""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import Any

import pytest

from database.errors import ExperimentsError
from experiments.creation import check_target
from experiments.expansion import count, expand
from experiments.init_template import NAMES, ExampleExistsError, write_example
from experiments.series_file.loading import load_series_file


class Run:
    """What an experiment logs to."""

    def __init__(self) -> None:
        self.logged: list[dict[str, float]] = []

    def log(self, **values: float) -> None:
        self.logged.append(values)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "Mein Projekt é"


def test_example_fits_together(folder: Path) -> None:
    """The series file is valid, and its function takes its parameters."""
    series_file, function = write_example(folder)
    assert (series_file.name, function.name) == NAMES
    loaded = load_series_file(series_file)
    assert str(check_target(loaded)) == f"{function}:main"
    assert count(loaded.file).experiments == 20


def test_example_learns(folder: Path) -> None:
    """The function is reproducible by its seed, logs its loss, and returns what the graphs ask for."""
    _, function = write_example(folder)
    main = runpy.run_path(str(function))["main"]
    loaded = load_series_file(folder / "first.yaml")
    accuracies = []
    for configuration in expand(loaded.file):
        run = Run()
        result: dict[str, Any] = main(**configuration.parameters, seed=7, run=run)
        assert main(**configuration.parameters, seed=7, run=Run()) == result
        assert run.logged[-1]["loss"] < run.logged[0]["loss"]
        accuracies.append(float(result["accuracy"]))
    assert {graph.y for graph in loaded.file.graphs} <= set(result)
    assert min(accuracies) > 0.6
    assert max(accuracies) > 0.95


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_overwritten(folder: Path, name: str) -> None:
    """A file that is there, even a dangling link, stays, and nothing is written beside it."""
    folder.mkdir()
    (folder / name).symlink_to(folder / "nowhere")
    with pytest.raises(ExampleExistsError, match=f"{name} exists and is not overwritten"):
        write_example(folder)
    assert [path.name for path in folder.iterdir()] == [name]


def test_no_example_where_it_could_not_run(tmp_path: Path) -> None:
    """A folder whose name is not UTF-8 gets no example: its series could not be recorded."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xe9d"))
    with pytest.raises(ExperimentsError, match=r"is not UTF-8; .*rename the folder"):
        write_example(folder)
    assert list(tmp_path.iterdir()) == []
