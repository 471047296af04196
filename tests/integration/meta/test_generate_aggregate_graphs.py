"""From rows to files of graphs, on both databases."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

import numpy as np
import pytest

from database.errors import NotFoundError
from database.models import ExperimentStatus
from database.queries.series_lookup import find_series
from database.session.lifecycle import scoped_session
from database.settings import results_directory
from experiments.output.results_folder import ResultsFolder
from experiments.series_file.loading import load_series_file
from meta.commands.group import run_command
from meta.generate_aggregate_graphs import generate_all_graphs, main
from meta.graphs.figure.render import draw_graph
from meta.records.read_records import read_records
from meta.records.selection.parameter_filter import with_parameters
from meta.records.selection.subsets import read_subset
from tests.figures import make_drawn, make_figure
from tests.integration.databases import on_sqlite


def readings(parameters, repetition: int) -> np.ndarray:
    return np.random.default_rng([int(1_000 * parameters["lr"]), repetition]).normal(size=20)


@pytest.fixture
def outcome(written):
    """Return what experiments left: at lr 0.1 one repetition failed, the others took two attempts."""

    def left(parameters, repetition: int):
        if parameters["lr"] == 0.1 and repetition == 5:
            return written(status=ExperimentStatus.FAILED, chunks={(1, "loss", 0): ([0], [999.0])})
        logged = readings(parameters, repetition).tolist()
        chunks = {
            (1, "loss", 0): (range(30), [555.0] * 30),
            (2, "loss", 0): (range(8), logged[:8]),
            (2, "loss", 1): (range(8, 20), logged[8:]),
        }
        return written(results={"accuracy": logged[-1]}, chunks=chunks, attempts=2)

    return left


SECTIONS = {
    "grid": {"lr": [0.1, 0.2]},
    "repeat": {"seeds": 6},
    "metrics": {"loss": {"label": "Training loss", "unit": "nats"}},
}


def test_graphs_show_the_rows_of_the_database(database_url: str, write_series, outcome) -> None:
    """The drawn means are those of completed experiments' completed attempts; what failed is counted."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS, graphs=[{"y": "loss", "x": "step", "hue": "lr"}])
    with scoped_session(read_only=True) as session:
        records = read_records(session, "study")
    drawn = make_drawn(records.specs[0], records)
    (axes,) = drawn.figure.axes
    for line, lr, completed in zip(axes.lines, (0.1, 0.2), (5, 6), strict=True):
        expected = np.mean([readings({"lr": lr}, repetition) for repetition in range(completed)], axis=0)
        np.testing.assert_array_equal(line.get_xdata(), range(20))
        np.testing.assert_allclose(line.get_ydata(), expected)
    assert axes.get_ylabel() == "Training loss (nats)"
    assert "over n = 5 to 6 repetitions" in drawn.note.below
    assert drawn.figure.texts[-1].get_text().split() == drawn.note.below.split()
    assert "1 error of 12 experiments left out." in drawn.note.beside


@on_sqlite
def test_files_are_written_below_the_results(
    *, database_url: str, monkeypatch, tmp_path: Path, write_series, outcome
) -> None:
    """Without a folder of its own, each series' graphs lie in the results folder, as PNG and SVG."""
    monkeypatch.setenv("EXPERIMENTS_RESULTS", str(tmp_path / "Ergebnisse ß"))
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS, graphs=[{"y": "loss", "x": "step", "name": "Figure-1"}])
        write_series(session, outcome, **SECTIONS, name="other")
    with scoped_session(read_only=True) as session:
        results = generate_all_graphs(session)
    folder = ResultsFolder(results_directory(database_url))
    assert [(result.series, result.name) for result in results] == [
        ("other", "curve-loss-over-step-by-lr"),
        ("other", "bar-accuracy-over-lr"),
        ("study", "Figure-1"),
    ]
    assert results[-1].paths == tuple(
        folder.graphs("study") / name for name in ("Figure-1.png", "Figure-1.svg")
    )
    for path in (path for result in results for path in result.paths):
        assert path.read_bytes()[:5] in {b"\x89PNG\r", b"<?xml"}


@on_sqlite
def test_a_failing_graph_does_not_stop_the_others(
    *, database_url: str, tmp_path: Path, caplog, write_series, outcome, monkeypatch
) -> None:
    """What cannot be drawn is reported in the result and the log; the rest is drawn."""
    graphs = [
        {"y": "acuracy", "x": "lr"},
        {"kind": "box", "y": "accuracy", "x": "lr"},
        {"y": "loss", "x": "step"},
    ]
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS, graphs=graphs)
    # A defect of ours, found in the middle.
    monkeypatch.setattr("meta.graphs.kinds.box.boxplot_stats", None)
    with (
        scoped_session(read_only=True) as session,
        caplog.at_level(logging.WARNING, logger="meta.graphs.generation.series_graphs"),
    ):
        wrong, boxes, curves = generate_all_graphs(session, "study", tmp_path)
    assert "did you mean 'accuracy'?" in wrong.error
    assert wrong.paths == ()
    assert "did you mean 'accuracy'?" in caplog.text
    assert boxes.error.startswith("TypeError")
    assert "could not be drawn" in caplog.text
    assert len(curves.paths) == 2


@on_sqlite
def test_letters_that_are_boxes_are_told(
    *, database_url: str, tmp_path: Path, caplog, write_series, outcome
) -> None:
    """The graph is there; its result and the log say what no font has."""
    graphs = [{"kind": "box", "y": "accuracy", "x": "lr", "title": "Of \U00013000"}]
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS, graphs=graphs)
    with (
        scoped_session(read_only=True) as session,
        caplog.at_level(logging.WARNING, logger="meta.graphs.generation.series_graphs"),
    ):
        (result,) = generate_all_graphs(session, "study", tmp_path)
    assert len(result.paths) == 2
    assert result.error is None
    assert result.note.startswith("no installed font has \U00013000: boxes are drawn instead")
    assert result.note in caplog.text


def test_no_snapshot_is_open_while_drawing(
    *, sqlite_url: str, tmp_path: Path, write_series, outcome, monkeypatch
) -> None:
    """The transaction is over before the first figure is computed."""
    open_during = []

    def spy(plan, records):
        open_during.append(session.in_transaction())
        return draw_graph(plan, records)

    monkeypatch.setattr("meta.graphs.figure.render.draw_graph", spy)
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
    with scoped_session(read_only=True) as session:
        generate_all_graphs(session, "study", tmp_path)
    assert open_during == [False, False]


def test_what_is_retired_is_left_out_and_counted(database_url: str, write_series, written) -> None:
    """Experiments the file no longer names are not drawn, whatever they returned."""

    def left(parameters, repetition):
        return written(results={"y": float(repetition)}, retired=parameters["k"] == 3 or repetition == 2)

    graphs = [{"kind": "bar", "y": "y", "x": "k"}]
    with scoped_session() as session:
        write_series(session, left, grid={"k": [1, 2, 3]}, repeat={"seeds": 3}, graphs=graphs)
        records = read_records(session, "study")
    drawn = make_drawn(records.specs[0], records)
    assert [bar.get_height() for bar in drawn.figure.axes[0].patches] == [0.5, 0.5]
    assert "5 completed but no longer in the series file left out." in drawn.note.sentences


def test_only_what_a_mapping_chooses_is_counted_as_retired(database_url: str, write_series, written) -> None:
    """`where` leaves out of the count what it leaves out of the graph, also of whole configurations."""

    def left(parameters, repetition):
        return written(results={"y": 1.0}, retired=parameters["k"] == 3 or repetition == 2)

    with scoped_session() as session:
        write_series(session, left, grid={"k": [1, 2, 3], "m": [1, 2]}, repeat={"seeds": 3})
        series = find_series(session, "study")
        records = read_records(session, series)
        by_text = read_subset(session, series, records, where="m == 2 and k != 1")
    assert records.retired == 10
    assert with_parameters(records, {"m": 2}).retired == 5
    assert with_parameters(records, {"m": 2, "k": [2]}).retired == 1
    assert by_text.retired == 4
    assert with_parameters(by_text, {"k": 2}).retired == 1


def test_a_series_without_anything_to_draw_says_so(
    sqlite_url: str, tmp_path: Path, write_series, written
) -> None:
    """A series that has not run yet yields an error and no file."""
    with scoped_session() as session:
        write_series(session, lambda _p, _r: written(status=ExperimentStatus.PENDING), grid={"k": [1, 2]})
        (result,) = generate_all_graphs(session, "study", tmp_path / "none")
    assert "has no metric or result with a finite number to draw yet" in result.error
    assert not (tmp_path / "none").exists()


def test_what_is_not_legible_is_no_failure(
    *, sqlite_url: str, tmp_path: Path, capsys, write_series, written
) -> None:
    """Of a series that asks for nothing, what no default graph can show is told, with exit code 0."""
    with scoped_session() as session:
        write_series(
            session, lambda _p, _r: written(results={"y": 1}), grid={"a": [*range(26)], "b": [*range(25)]}
        )
        (result,) = generate_all_graphs(session, "study", tmp_path)
    assert result.error is None
    assert result.note.startswith("not drawn: 'y'; the configurations differ in so much")
    assert main(["study", "--directory", str(tmp_path)]) == 0
    assert "study: graphs: not drawn: 'y'" in capsys.readouterr().err


def named(*names: str) -> list[dict[str, str]]:
    return [{"y": "accuracy", "x": "lr", "name": name} for name in names]


def test_graphs_no_longer_asked_for_are_removed(
    *, sqlite_url: str, tmp_path: Path, write_series, outcome
) -> None:
    """Only what an earlier generation wrote and nobody changed goes; other series and users keep theirs."""
    folder = tmp_path / "Grafiken ü"
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS, graphs=named("a", "b", "shared"))
        write_series(session, outcome, **SECTIONS, name="other", graphs=named("shared", "o"))
        generate_all_graphs(session, ["study", "other"], folder)
        (folder / "b.svg").write_text("edited by hand")
        (folder / "photo.png").write_text("not ours")
        now = load_series_file(
            {"name": "study", "run": {"function": "m:f"}, **SECTIONS, "graphs": named("A2")}
        )
        results = generate_all_graphs(session, "study", folder, files=[now.file])
    assert [result.name for result in results] == ["A2"]
    assert {path.name for path in folder.iterdir()} == {
        ".generated.json",
        *("A2.png", "A2.svg"),
        *("shared.png", "shared.svg", "o.png", "o.svg"),
        *("b.svg", "photo.png"),
    }


def test_a_graph_that_fails_keeps_its_last_picture(
    *, sqlite_url: str, tmp_path: Path, write_series, outcome, monkeypatch
) -> None:
    """It is still asked for, so what is there of it stays, and is removed when it is no longer wanted."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS, graphs=named("a"))
        generate_all_graphs(session, "study", tmp_path)
        with monkeypatch.context() as broken:
            broken.setattr("meta.graphs.figure.render.draw_graph", None)
            (failed,) = generate_all_graphs(session, "study", tmp_path, force=True)
        assert failed.error
        assert (tmp_path / "a.png").exists()
        now = load_series_file(
            {"name": "study", "run": {"function": "m:f"}, **SECTIONS, "graphs": named("b")}
        )
        generate_all_graphs(session, "study", tmp_path, files=[now.file])
    assert sorted(path.name for path in tmp_path.glob("[ab].*")) == ["b.png", "b.svg"]


@pytest.mark.parametrize("content", ["{", '{"study": {"../kept.png": "%s"}}'])
def test_a_strange_index_removes_nothing(
    *, sqlite_url: str, tmp_path: Path, write_series, outcome, content: str
) -> None:
    """An index that is broken, or names files elsewhere, is written anew."""
    folder = tmp_path / "graphs"
    folder.mkdir()
    (tmp_path / "kept.png").write_bytes(b"kept")
    if "%s" in content:
        content %= hashlib.sha256(b"kept").hexdigest()
    (folder / ".generated.json").write_text(content)
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS, graphs=named("a"))
        generate_all_graphs(session, "study", folder)
    assert (tmp_path / "kept.png").exists()
    assert set(json.loads((folder / ".generated.json").read_text())["study"]) == {"a.png", "a.svg"}


@on_sqlite
def test_graphs_of_a_file_are_those_it_has_now(
    *, database_url: str, tmp_path: Path, write_series, outcome, capsys
) -> None:
    """Given a file, its graphs and labels are used, not those recorded when the series was created."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS, graphs=named("recorded"))
    path = tmp_path / "Reihe é.yaml"
    path.write_text(
        "name: study\nrun: {function: m:f}\ngrid: {lr: [0.1, 0.2]}\n"
        "metrics: {accuracy: {label: As it stands now}}\n"
        "graphs: [{y: accuracy, x: lr, name: now}]\n",
        encoding="utf-8",
    )
    assert run_command(["graphs", str(path), "--output", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(tmp_path / "out" / "now.png"),
        str(tmp_path / "out" / "now.svg"),
    ]
    with scoped_session(read_only=True) as session:
        records = read_records(session, "study", load_series_file(path).file)
    assert make_figure(records.specs[0], records).axes[0].get_ylabel() == "As it stands now"
    assert run_command(["graphs", "study", "--output", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(tmp_path / "out" / "recorded.png")


def test_an_unknown_series_is_an_error(sqlite_url: str, write_series, outcome) -> None:
    """A wrong name draws nothing and lists the right ones."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
        with pytest.raises(NotFoundError, match="did you mean 'study'"):
            generate_all_graphs(session, ["study", "studdy"])


def test_the_module_runs_as_a_command(
    *, sqlite_url: str, tmp_path: Path, capsys, write_series, outcome
) -> None:
    """It prints the files, reports what failed, and exits with 1 if anything did."""
    graphs = [{"y": "loss", "x": "step", "name": "good"}, {"y": "nothing", "x": "lr", "name": "bad"}]
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS, graphs=graphs)
    folder = tmp_path / "mit Leerzeichen"
    assert main(["study", "--database", sqlite_url, "--directory", str(folder)]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(folder / "good.png"), str(folder / "good.svg")]
    assert "study: bad: y: there is no result or metric named 'nothing'" in printed.err
    assert main(["study2"]) == 2
    assert "did you mean 'study'?" in capsys.readouterr().err
