"""Seeding from scripts: `insert_data`, and the module run as a script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from database.models import Experiment
from database.session.lifecycle import scoped_session
from experiments.creation import Created
from experiments.series_file.loading import load_series_file
from meta.create_experiment_series import insert_data, main, summary


@pytest.fixture
def series(tmp_path: Path) -> Path:
    folder = tmp_path / "mes séries"
    folder.mkdir()
    (folder / "train.py").write_text("def main(lr): return {}\n")
    path = folder / "a é.yaml"
    path.write_text("name: a\nrun: {function: train.py:main}\ngrid: {lr: [1, 2]}\n", encoding="utf-8")
    return path


def test_insert_data_takes_a_path_a_mapping_or_a_loaded_file(database_url: str, series: Path) -> None:
    """All three under one scoped_session, which commits them together."""
    mapping = {"name": "b", "run": {"function": f"{series.parent}/train.py:main"}, "fixed": {"lr": 1}}
    with scoped_session() as session:
        assert insert_data(session, series).new == 2
        assert insert_data(session, mapping).new == 1
        assert insert_data(session, load_series_file(series)).existing == 2
    with scoped_session(read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(Experiment)) == 3


def test_the_summary_says_what_happened() -> None:
    """New ones always, existing and retired ones when there are any."""
    assert summary(Created(1, "a", 1200, 0, 0)) == "a: 1,200 new"
    assert summary(Created(1, "a", 0, 2, 3)) == (
        "a: 0 new, 2 existing, 3 no longer in the file (kept, not run)"
    )


def test_main_creates_each_file_by_itself(
    database_url: str, series: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong file is told on stderr and gives its exit code; the others are created."""
    wrong = series.with_name("wrong.yaml")
    wrong.write_text("name: wrong\n", encoding="utf-8")
    assert main([str(wrong), str(series)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "a: 2 new\n"
    assert captured.err == f"{wrong}:1: run: is missing; write run: path/file.py:function\n"
    assert main([str(series)]) == 0
    assert capsys.readouterr().out == "a: 0 new, 2 existing\n"


def test_main_refuses_a_database_it_cannot_use(series: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A URL of another kind of database is told in one line."""
    assert main([str(series), "--database", "mysql://host/x"]) == 2
    assert "is not supported" in capsys.readouterr().err


def test_a_wrong_file_makes_no_database(
    series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file, or a target, that cannot be used is told before a database is opened or made."""
    database = tmp_path / "neu é" / "x.db"
    untargeted = series.with_name("untargeted.yaml")
    untargeted.write_text("name: a\nrun: {function: train.py:mian}\n", encoding="utf-8")
    for wrong in (untargeted, series.with_name("nosuch.yaml")):
        assert main([str(wrong), "--database", f"sqlite:///{database}"]) == 2
    assert "there is no such file" in capsys.readouterr().err
    assert not database.parent.exists()


def test_the_module_is_a_script(series: Path, tmp_path: Path) -> None:
    """`python -m meta.create_experiment_series FILE` creates the database and prints one line."""
    url = f"sqlite:///{tmp_path / 'neu é' / 'x.db'}"
    done = subprocess.run(
        [sys.executable, "-m", "meta.create_experiment_series", str(series)],
        env={**os.environ, "EXPERIMENTS_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("a: 2 new\n", "")
