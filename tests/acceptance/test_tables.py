"""Tables and comparisons by the real command, also while another process runs the series."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.project import PATIENCE_S, Project, until
from tests.integration.databases import on_sqlite

#: The fifth to start tells so, and waits until the gate is opened.
WAITS_IN_THE_MIDDLE = """
def main(x, seed):
    note(x)
    if len(open(os.path.join(HERE, "journal")).read().split()) == 5:
        tell("there")
        wait()
    return {"y": x + seed % 7 / 10, "loss": -x}
"""
SECTIONS = """
repeat: {seeds: 4}
metrics: {y: {goal: max}}
tables: [{y: y, rows: x, name: Y, to: [markdown, csv]}]
"""
FILES = [".generated.json", "Y.csv", "Y.md"]


@pytest.fixture
def measured(project_on_both: Project) -> Project:
    """Return a project with a series of two configurations, four repetitions each, and one table."""
    path = project_on_both.series(WAITS_IN_THE_MIDDLE, experiments=2)
    path.write_text(path.read_text() + SECTIONS)
    return project_on_both


def tables(project: Project, *arguments: str) -> list[Any]:
    found: list[Any] = json.loads(project.here("table", "s", *arguments, "--json").stdout)
    return found


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_tables_of_a_series_at_work(measured: Project) -> None:
    """A table of what is there says how far the series is; when it has ended, that of all takes its place."""
    project = measured
    running = project.start("run", "s.yaml", "--workers", "1")
    assert project.event() == "there"
    until(lambda: project.statuses()["completed"] == 4 and project.statuses()["running"] > 0)
    [found] = tables(project)
    assert [cell["n"] for cell in found["cells"]] == [2, 2]
    assert any(note.startswith("Running, 50 % complete.") for note in found["notes"])
    folder = project.folder / "results" / "s" / "tables"
    assert sorted(content(folder)) == FILES
    assert "Running, 50 % complete." in (folder / "Y.md").read_text()
    compared = project.here("compare", "s", "--of", "x", "--on", "y").stdout
    assert "Running, 50 % complete." in compared
    project.open_gate()
    _, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, err
    several = [project.start("table", "s") for _ in range(3)]
    for process in several:
        out, err = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, err) == (0, "")
        assert "complete." not in out
    assert sorted(content(folder)) == FILES
    rows = list(csv.DictReader((folder / "Y.csv").read_text().splitlines()))
    assert [(row["parameters.x"], row["n"], row["missing"]) for row in rows] == [
        ("0", "4", "0"),
        ("1", "4", "0"),
    ]


@on_sqlite
def test_of_some_experiments(measured: Project) -> None:
    """`--where` compares and tabulates some; wrong names change nothing and are told with the valid ones."""
    project = measured
    running = project.start("run", "s.yaml", "--workers", "1")
    project.event()
    project.open_gate()
    _, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, err
    project.here("table", "s")
    folder = project.folder / "results" / "s" / "tables"
    before = content(folder)
    [some] = tables(project, "--where", "repetition > 0 and loss < 0")
    assert [(cell["parameters"], cell["n"]) for cell in some["cells"]] == [({"x": 1}, 3)]
    assert "Only where repetition > 0 and loss < 0." in some["notes"]
    assert {Path(path).parent.parent for path in some["paths"]} == {folder}
    compared = json.loads(
        project.here("compare", "s", "--of", "x", "--on", "y", "--where", "repetition > 0", "--json").stdout
    )
    assert (compared["where"], compared["pairs"][0]["n"]) == ("repetition > 0", [3, 3])
    assert compared["pairs"][0]["difference"] == pytest.approx(-1)
    for wrong, told in (
        (
            ("table", "s", "--where", "xx > 0"),
            "there is nothing named xx; did you mean 'x'? names: x, y, loss, ",
        ),
        (("table", "ss"), "did you mean 's'"),
        (("compare", "s", "--of", "x", "--on", "y", "--where", "xx > 0"), "did you mean 'x'? names: x, y"),
        (("compare", "s", "--of", "xx", "--on", "y"), "there is no parameter named 'xx'"),
        (("compare", "s", "--of", "x", "--on", "yy"), "did you mean 'y'"),
    ):
        assert told in project.here(*wrong, code=2).stderr
    assert content(folder) == before
    assert [path.name[:6] for path in folder.iterdir() if path.is_dir()] == ["where-"]
