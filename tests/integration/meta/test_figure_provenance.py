"""Asking a figure where it comes from, and whether the records still say so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from database.code_names import code_digest
from database.code_sets import accept_code_sets, record_code_set
from database.models import Attempt, Code, Experiment, ExperimentSeries, ExperimentStatus, SeriesState
from database.session.lifecycle import SessionLocal, configure, scoped_session
from experiments.series_file.sections.graphs import GraphSpec
from meta.commands.group import run_command
from meta.commands.trace import _their_code
from meta.figure_provenance import compare_with_records
from meta.generate_aggregate_graphs import generate_all_graphs
from meta.graphs.provenance.file_metadata import read_origin
from meta.records.read_records import read_records
from tests.figures import make_drawn
from tests.integration.databases import on_sqlite
from tests.integration.recording import add_series, add_worker, completed, record

A, B = (code_digest({"f.py": name}) for name in "ab")
COMPLETED = select(Experiment).where(Experiment.status == ExperimentStatus.COMPLETED)
GRAPH = {"kind": "bar", "y": "accuracy", "x": "lr", "name": "a"}


@pytest.fixture
def series(database_url: str) -> None:
    """Let two runners of different code complete three of four experiments."""
    with SessionLocal() as session:
        series_id = add_series(session, "study")
        first, second = (
            {"code": record_code_set(session, series_id, {"f.py": name}, git_commit=name * 40), "threads": 1}
            for name in "ab"
        )
        worker = add_worker(session)
        record(session, worker, series_id, [{**completed(accuracy=score), **first} for score in (0.5, 0.75)])
        record(session, worker, series_id, [{**completed(accuracy=0.25), **second}])
        found = session.get_one(ExperimentSeries, series_id)
        found.resolved = {**found.resolved, "graphs": [GRAPH], "grid": {"lr": [0.1, 0.01]}}
        found.state = SeriesState.READY
        session.commit()


@pytest.fixture
def figure(series: None, tmp_path: Path) -> Path:
    """Return a figure of the series, copied elsewhere under another name."""
    with scoped_session(read_only=True) as session:
        (result,) = generate_all_graphs(session, "study", tmp_path / "graphs")
    copied = tmp_path / "Papier ß" / "Figure 3.png"
    copied.parent.mkdir()
    shutil.move(result.paths[0], copied)
    shutil.move(result.paths[1], copied.with_suffix(".svg"))
    return copied


@pytest.fixture
def trace(capsys: pytest.CaptureFixture[str]) -> Any:
    def ask(path: Path, *options: str) -> Any:
        capsys.readouterr()
        assert run_command(["trace", str(path), *options]) == 0
        printed = capsys.readouterr().out
        return json.loads(printed) if "--json" in options else printed

    return ask


def test_a_figure_is_told_in_words(figure: Path, trace) -> None:
    """Its series, specification, data and code, with a word where the code differed between experiments."""
    for path, form in ((figure, "PNG"), (figure.with_suffix(".svg"), "SVG")):
        told = " ".join(trace(path).split())
        for part in (
            "series study",
            "graph a",
            f"file {form}, as it was drawn",
            '"y": "accuracy"',
            "experiments 3 completed",
            (
                "their code DIFFERED between experiments: "
                f"2 ran {A[:12]}, commit {'a' * 40}, with 1 thread; "
                f"1 ran {B[:12]}, commit {'b' * 40}, with 1 thread"
            ),
            "drawn by experiment-series 0.1.0+",
        ):
            assert part in told
        assert told.endswith("the database would give the same figure now")


def test_a_figure_of_some_experiments_is_compared_with_those(series: None, tmp_path: Path, trace) -> None:
    """Of `graphs --where` the expression is told; only what it is true of counts, also their code."""
    where = 'lr == 0.1 and results["accuracy"] >= 0.25'
    assert run_command(["graphs", "study", "--where", where, "--output", str(tmp_path / "some")]) == 0
    told = trace(tmp_path / "some" / "a.png", "--json")
    assert (told["where"], told["experiments"], told["current"]) == (where, 2, True)
    assert sum(version["experiments"] for version in told["experiments_code"]) == 2
    assert f"where {where} " in " ".join(trace(tmp_path / "some" / "a.png").split())
    for lr, current in ((0.01, True), (0.1, False)):
        with scoped_session() as session:
            for one in session.scalars(COMPLETED):
                if one.configuration.parameters["lr"] == lr:
                    one.results = {"accuracy": 0.125}
        assert trace(tmp_path / "some" / "a.png", "--json")["current"] is current


@on_sqlite
def test_a_figure_of_some_configurations_names_their_code(series: None, tmp_path: Path, trace) -> None:
    """What other configurations ran, or have come to since, does not concern it."""
    graph = {**GRAPH, "where": {"lr": 0.01}}
    with scoped_session() as session:
        found = session.scalars(select(ExperimentSeries)).one()
        found.resolved = {**found.resolved, "graphs": [graph]}
    assert run_command(["graphs", "study", "--output", str(tmp_path / "some")]) == 0
    told = trace(tmp_path / "some" / "a.png", "--json")
    versions = [(version["commit"], version["experiments"]) for version in told["experiments_code"]]
    assert (versions, told["current"]) == ([("a" * 40, 1)], True)


@on_sqlite
def test_expressions_of_earlier_programs_are_understood(series: None, tmp_path: Path, trace) -> None:
    """A graph recorded with the outcome `failed` is drawn and compared, and so is a figure drawn then."""
    where = 'outcome != "failed" and lr < 1'
    with scoped_session() as session:
        found = session.scalars(select(ExperimentSeries)).one()
        found.resolved = {**found.resolved, "graphs": [{**GRAPH, "where": where}]}
    assert run_command(["graphs", "study", "--output", str(tmp_path / "some")]) == 0
    told = trace(tmp_path / "some" / "a.png", "--json")
    assert (told["specification"]["where"], told["experiments"], told["current"]) == (where, 3, True)
    origin = read_origin(tmp_path / "some" / "a.png").origin
    [difference] = compare_with_records(origin.model_copy(update={"where": where})).differences
    assert difference == "the data: other records"


def test_a_figure_is_told_as_data(figure: Path, trace) -> None:
    """With --json everything is there under its name."""
    told = trace(figure, "--json")
    assert (told["format"], told["intact"], told["current"], told["differences"]) == ("png", True, True, [])
    assert told["specification"] == GRAPH
    assert [version["experiments"] for version in told["experiments_code"]] == [2, 1]
    assert len(told["fingerprint"]) == 64


@on_sqlite
def test_a_change_of_the_records_is_told(figure: Path, trace) -> None:
    """More experiments, other results and other labels make another figure."""
    with scoped_session() as session:
        experiment = session.scalars(COMPLETED.limit(1)).first()
        assert experiment is not None
        experiment.results = {"accuracy": 0.1}
    assert trace(figure, "--json")["differences"] == ["the data: other records"]
    with scoped_session() as session:
        found = session.scalars(select(ExperimentSeries)).one()
        changes = {"metrics": {"accuracy": {"unit": "%"}}, "analysis": {"paired": False}}
        found.resolved = {**found.resolved, **changes}
        last = session.scalars(
            select(Experiment).where(Experiment.status != ExperimentStatus.COMPLETED)
        ).one()
        last.status, last.worker_id, last.results = ExperimentStatus.COMPLETED, None, {"accuracy": 1.0}
    told = trace(figure)
    assert "the database would give another figure now:" in told
    assert "the data: 3 completed experiments then, 4 now" in told
    assert "metrics in the series file" in told
    assert "analysis in the series file" in told
    assert "the code that the experiments ran" not in told


@on_sqlite
def test_what_is_asked_for_now_is_told_beside(figure: Path, trace) -> None:
    """A figure is compared by its own specification; that the series asks for another one is told too."""

    def ask_for(*graphs: dict[str, str]) -> None:
        with scoped_session() as session:
            found = session.scalars(select(ExperimentSeries)).one()
            found.resolved = {**found.resolved, "graphs": list(graphs)}

    for graphs, asked in (
        ([GRAPH], None),
        ([{**GRAPH, "kind": "box"}], "requests another graph of this name"),
        ([{**GRAPH, "name": "b"}], "requests no graph of this name"),
        ([{"y": "accuracy", "x": "lr"}], "requests no graph of this name"),
        ([], None),
    ):
        ask_for(*graphs)
        told = trace(figure, "--json")
        assert told["current"] is True
        assert told["asked"] == (asked and f"the series file, as last created, {asked}")
        assert (asked or "same figure now") in trace(figure)


@on_sqlite
def test_a_renamed_series_is_found(figure: Path, trace) -> None:
    """By the name it was created with; a figure drawn now would have the new name on it."""
    with scoped_session() as session:
        session.scalars(select(ExperimentSeries)).one().name = "essay"
    told = trace(figure, "--json")
    assert told["differences"] == ["the name of the series, which is essay now"]


@on_sqlite
def test_other_versions_of_what_draws_are_told_apart(figure: Path, trace, monkeypatch) -> None:
    """The records are still the same, of which other versions may draw other intervals."""
    monkeypatch.setattr("meta.graphs.provenance.origin._library_versions", lambda: {"numpy": "99"})
    told = trace(figure, "--json")
    assert told["current"] is True
    assert any("numpy: drawn with" in difference for difference in told["program_differences"])
    printed = trace(figure)
    assert "the database has the same records now\nit was drawn by other versions" in printed
    assert "the same figure" not in printed


@on_sqlite
def test_without_its_records_a_figure_still_tells(figure: Path, trace, tmp_path: Path) -> None:
    """No database, or none with such a series: the figure is told, and why it was not compared."""
    configure(f"sqlite:///{tmp_path}/nothing.db", create=False)
    nothing = trace(figure, "--database", f"sqlite:///{tmp_path}/nothing.db")
    assert "series" in nothing
    assert "not compared with the database: there is no database at" in nothing
    configure(f"sqlite:///{tmp_path}/other.db")
    with scoped_session() as session:
        session.add(ExperimentSeries(name="studio", resolved={}, target="m:f"))
    told = trace(figure, "--database", f"sqlite:///{tmp_path}/other.db", "--json")
    assert told["current"] is None
    assert "there is no series named 'study'" in told["reason"]


@on_sqlite
def test_an_edited_figure_is_said_to_be_edited(figure: Path, trace) -> None:
    """Whoever draws something else into the file leaves what it carries, but not the seal."""
    svg = figure.with_suffix(".svg")
    svg.write_bytes(svg.read_bytes().replace(b"</svg>", b"<!-- mine --></svg>"))
    assert "changed since it was drawn" in trace(svg)
    assert trace(svg, "--json")["intact"] is False


def test_a_file_of_others_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and a sentence, whatever the file holds; no database is needed for that."""
    path = tmp_path / "notes.txt"
    path.write_text("not a figure")
    assert run_command(["trace", str(path)]) == 2
    assert f"{path} has no metadata of a figure" in capsys.readouterr().err
    assert run_command(["trace", str(tmp_path)]) == 2
    assert run_command(["trace", str(tmp_path / "none.png")]) == 2


@on_sqlite
def test_fewer_experiments_are_no_other_code(figure: Path, trace) -> None:
    """Sets are compared, not how many ran each; a set that lacks a file agrees with one that has it."""
    with scoped_session() as session:
        session.scalars(COMPLETED.limit(1)).one().retired = True
    told = trace(figure, "--json")
    assert [one for one in told["differences"] if "code" in one or "threads" in one] == []
    with scoped_session() as session:
        series_id = session.scalars(select(ExperimentSeries.id)).one()
        more = record_code_set(session, series_id, {"f.py": "b", "g.py": "g"}, git_commit=None)
        other = record_code_set(session, series_id, {"f.py": "c"}, git_commit=None)
        before = select(Code.id).where(Code.digest == B).scalar_subquery()
        session.execute(update(Attempt).where(Attempt.code == before).values(code=more))
    assert "the code that the experiments ran" not in trace(figure)
    with scoped_session() as session:
        session.execute(update(Attempt).where(Attempt.code == more).values(code=other, threads=4))
    told = trace(figure, "--json")
    assert "the code that the experiments ran" in told["differences"]
    assert "how many threads the experiments ran with" in told["differences"]


@on_sqlite
def test_figures_of_before_sets_of_code_are_read(figure: Path, trace) -> None:
    """They have commits, which are told; what they cannot be compared with does not differ."""
    origin = read_origin(figure).origin
    earlier = origin.model_dump(mode="json")
    earlier["experiments_code"] = [
        {"commit": "c" * 40, "uncommitted": True, "experiments": 2},
        {"commit": None, "uncommitted": None, "experiments": 1},
    ]
    read = type(origin).model_validate(earlier)
    assert compare_with_records(read).is_current
    assert _their_code(read.experiments_code) == (
        f"DIFFERED between experiments: 2 ran commit {'c' * 40} with uncommitted changes; "
        "1 ran code that was not recorded"
    )


@on_sqlite
def test_the_note_tells_other_code(series: None, tmp_path: Path) -> None:
    """Also when a user has accepted it; the figure is drawn again then."""
    clause = "2 of 3 experiments ran other code"
    for accept, text in ((False, f"{clause}."), (True, f"{clause}, which was accepted as the same.")):
        with scoped_session() as session:
            study = session.scalars(select(ExperimentSeries)).one()
            if accept:
                accept_code_sets(session, study.id)
            (result,) = generate_all_graphs(session, study, tmp_path / "graphs")
            assert not result.unchanged
            assert (
                text in make_drawn(GraphSpec.model_validate(GRAPH), read_records(session, study)).note.below
            )
