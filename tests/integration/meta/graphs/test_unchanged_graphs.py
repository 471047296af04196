"""Figures that are drawn again, and those that are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from database.models import Experiment, ExperimentSeries
from database.session.lifecycle import SessionLocal, scoped_session
from meta.commands.group import run_command
from meta.generate_aggregate_graphs import generate_all_graphs
from meta.graphs.provenance.file_metadata import read_origin
from tests.integration.databases import on_sqlite

GRAPHS = [
    {"kind": "bar", "y": "accuracy", "x": "lr", "name": "a"},
    {"kind": "curve", "y": "loss", "name": "b"},
]


@pytest.fixture
def series(database_url: str, write_series, written) -> None:
    def left(parameters, repetition):
        return written(
            results={"accuracy": parameters["lr"] + repetition, "time": 3.0},
            chunks={(1, "loss", 0): (range(4), [float(repetition)] * 4)},
        )

    with scoped_session() as session:
        write_series(session, left, grid={"lr": [0.1, 0.2]}, repeat={"seeds": 3}, graphs=GRAPHS)


def generate(folder: Path, **options: Any) -> dict[str, bool]:
    """Return of each graph whether it was left as it is."""
    with scoped_session(read_only=True) as session:
        results = generate_all_graphs(session, "study", folder, **options)
    assert not [result.error for result in results if result.error]
    assert all(path.is_file() for result in results for path in result.paths)
    return {result.name: result.unchanged for result in results}


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.*g")}


DRAWN, LEFT = {"a": False, "b": False}, {"a": True, "b": True}


@pytest.mark.usefixtures("series")
def test_unchanged_figures_are_left_alone(tmp_path: Path) -> None:
    """A second call touches no file; `force` draws all of them, to the last bit the same."""
    assert generate(tmp_path) == DRAWN
    before = stamps(tmp_path)
    contents = {path.name: path.read_bytes() for path in tmp_path.glob("*.*g")}
    assert generate(tmp_path) == LEFT
    assert stamps(tmp_path) == before
    assert generate(tmp_path, force=True) == DRAWN
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.*g")} == contents


@on_sqlite
@pytest.mark.usefixtures("series")
def test_only_what_shows_a_change_is_drawn_again(tmp_path: Path) -> None:
    """A changed result redraws the graph of it; one that no graph shows redraws none."""
    generate(tmp_path)
    with scoped_session() as session:
        experiment = session.query(Experiment).order_by(Experiment.id).first()
        assert experiment is not None
        experiment.results = {"accuracy": 9.0, "time": 3.0}
    assert generate(tmp_path) == {"a": False, "b": True}
    with scoped_session() as session:
        experiment = session.query(Experiment).order_by(Experiment.id).first()
        assert experiment is not None
        experiment.results = {"accuracy": 9.0, "time": 4.0}
    assert generate(tmp_path) == LEFT


@on_sqlite
@pytest.mark.usefixtures("series")
def test_what_is_asked_for_and_who_draws_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another label, version of ours or of a library: the figure is drawn again, under the same name."""
    generate(tmp_path)
    with scoped_session() as session:
        series = session.query(ExperimentSeries).one()
        series.resolved = {**series.resolved, "metrics": {"accuracy": {"label": "Test accuracy"}}}
    assert generate(tmp_path) == {"a": False, "b": True}
    monkeypatch.setattr("meta.graphs.provenance.origin._library_versions", lambda: {"matplotlib": "99"})
    assert generate(tmp_path) == DRAWN
    monkeypatch.setattr("meta.graphs.provenance.origin.code_version", lambda: "0.1.0+other")
    assert generate(tmp_path) == DRAWN
    assert generate(tmp_path) == LEFT


@on_sqlite
@pytest.mark.usefixtures("series")
def test_a_damaged_edited_or_missing_file_is_drawn_again(tmp_path: Path) -> None:
    """The file itself is looked at, not what was noted about it."""
    generate(tmp_path)
    good = {path.name: path.read_bytes() for path in tmp_path.glob("*.*g")}
    middle = len(good["a.png"]) // 2
    edited = good["a.svg"].replace(b"#0072b2", b"#ff0000")
    assert edited != good["a.svg"]
    for name, content in (
        ("a.png", good["a.png"][:middle] + b"\0\0\0\0" + good["a.png"][middle + 4 :]),
        ("a.png", good["a.png"][:middle]),
        ("a.png", good["b.png"]),
        ("a.svg", edited),
        ("a.svg", None),
    ):
        if content is None:
            (tmp_path / name).unlink()
        else:
            (tmp_path / name).write_bytes(content)
        assert generate(tmp_path) == {"a": False, "b": True}, name
        assert {path.name: path.read_bytes() for path in tmp_path.glob("*.*g")} == good


@on_sqlite
@pytest.mark.usefixtures("series")
def test_processes_give_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn here or in other processes, the folder is the same, and the order of the results too."""
    monkeypatch.setattr("meta.graphs.generation.process_pool._START_S", 0.0)
    assert list(generate(tmp_path / "here", workers=1)) == ["a", "b"]
    assert list(generate(tmp_path / "there", workers=2)) == ["a", "b"]
    here, there = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("here", "there")
    )
    assert here == there


@on_sqlite
@pytest.mark.usefixtures("series")
def test_the_command_tells_what_was_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stderr says of each figure what became of it, stdout names all files; with --quiet nothing does."""
    folder = tmp_path / "Bilder ß"
    options = ["graphs", "study", "--output", str(folder)]
    assert run_command([*options, "--workers", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.err.splitlines() == ["[1/2] study: a: drawn", "[2/2] study: b: drawn"]
    (folder / "b.png").unlink()
    assert run_command(options) == 0
    again = capsys.readouterr()
    assert again.err.splitlines() == ["[1/2] study: a: unchanged", "[2/2] study: b: drawn"]
    assert again.out == printed.out
    for verb in ("graphs", "report"):
        (folder / "b.png").unlink(missing_ok=True)
        assert run_command([verb, *options[1:], "--quiet"]) == 0
        assert "".join(capsys.readouterr()) == ""
    assert (folder / "report.html").is_file()


@on_sqlite
@pytest.mark.usefixtures("series")
def test_errors_are_told_quietly_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --quiet a graph that cannot be drawn is an error on stderr, and nothing is on stdout."""
    with SessionLocal() as session:
        found = session.scalars(select(ExperimentSeries)).one()
        found.resolved = {**found.resolved, "graphs": [*GRAPHS, {"y": "z", "x": "step"}]}
        session.commit()
    assert run_command(["graphs", "study", "--output", str(tmp_path / "x"), "--quiet"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, len(printed.err.splitlines())) == ("", 1)
    assert printed.err.startswith("study: curve-z-over-step: y: ")


@on_sqlite
@pytest.mark.usefixtures("series")
def test_both_files_of_a_figure_tell_the_same(tmp_path: Path) -> None:
    """PNG and SVG carry one and the same origin."""
    generate(tmp_path)
    png, svg = (read_origin(tmp_path / name) for name in ("a.png", "a.svg"))
    assert png is not None
    assert svg is not None
    assert png.origin == svg.origin
    assert png.origin.specification == GRAPHS[0]
    assert (png.origin.series, png.origin.graph, png.origin.experiments) == ("study", "a", 6)
