"""`--where` of the verbs, on both databases, and `where` of graphs and tables."""

from __future__ import annotations

import csv
import inspect
import io
import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from sqlalchemy import select, update

from database.expressions import ExpressionError, parse
from database.models import Experiment, ExperimentSeries
from database.queries.series_lookup import find_series
from database.session.lifecycle import SessionLocal, scoped_session
from experiments.series_file.loading import load_series_file
from experiments.where import expression_of
from meta.commands.group import run_command
from meta.generate_aggregate_graphs import generate_all_graphs
from meta.records.read_records import read_records
from meta.records.selection.parameter_filter import with_parameters
from meta.records.selection.subsets import read_subset
from meta.tables.generate import generate_all_tables
from tests.integration.databases import on_sqlite
from tests.integration.recording import add_series, add_worker, claim, completed, raised, record

Command = Callable[..., str]
PAGE = (Path(__file__).parents[4] / "docs" / "expressions.md").read_text(encoding="utf-8")
VERBS_WITH_WHERE = ("list", "failures", "retry", "release", "cancel", "export", "graphs", "table")
PARAMETERS = [{"lr": 0.1, "opt": "adam"}, {"lr": 0.01, "opt": 'it\'s 50% "x"'}]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str, code: int = 0) -> str:
        found = run_command(arguments)
        out, err = capsys.readouterr()
        assert found == code, err
        return out if code == 0 else err

    return run


@pytest.fixture
def series_id(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return a series of two configurations: one repetition completed, one failed, one pending."""
    monkeypatch.setenv("EXPERIMENTS_RESULTS", str(tmp_path / "Ergebnisse ü"))
    with SessionLocal() as session:
        series_id = add_series(session, "first", PARAMETERS, repetitions=3)
        resolved = {
            "name": "first",
            "run": {"function": "train.py:main"},
            "grid": {"lr": [0.1, 0.01], "opt": ["adam", "x"]},
        }
        session.execute(update(ExperimentSeries).values(resolved=resolved))
        session.commit()
        ends = [completed(loss=0.1), completed(loss=0.2), raised(), raised(line=9)]
        record(session, add_worker(session), series_id, ends)
        return series_id


def statuses() -> list[str]:
    with SessionLocal() as session:
        return [one.status.value for one in session.scalars(select(Experiment).order_by(Experiment.position))]


def as_json(command: Command, *arguments: str) -> Any:
    return json.loads(command(*arguments, "--json"))


def test_looking(command: Command, series_id: int) -> None:
    """`list`, `failures` and `export` show what the expression is true of."""
    [one] = as_json(command, "list", "first", "--where", 'lr < 0.05 and status == "completed"')
    assert (one["parameters"]["lr"], one["results"]) == (0.01, {"loss": 0.2})
    assert len(as_json(command, "list", "first", "--where", "opt == 'it\\'s 50% \"x\"'")) == 3
    assert len(as_json(command, "list", "first", "--where", "lr > 0.05", "--status", "failed")) == 1
    assert "there are more than 2" not in command("list", "first", "--where", "lr > 0.05", "--limit", "3")
    [group] = as_json(command, "failures", "first", "--where", "lr == 0.01")
    assert (group["count"], group["parameters"]["lr"]) == (1, 0.01)
    assert "none of 2 experiments of first where loss > 0 has the status failed" in command(
        "failures", "first", "--where", "loss > 0"
    )
    rows = list(csv.DictReader(io.StringIO(command("export", "first", "--where", "loss > 0.15"))))
    assert [(row["parameters.lr"], row["results.loss"]) for row in rows] == [("0.01", "0.2")]
    exported = json.loads(command("export", "first", "--format", "json", "--where", "repetition == 2"))
    assert len(exported) == 2


EXIT_CODES = {"graphs": 1, "table": 1, "report": 2, "compare first --of lr --on loss": 2}


@pytest.mark.parametrize("verb", [*VERBS_WITH_WHERE, "report", "compare first --of lr --on loss"])
def test_no_hit(series_id: int, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of how many experiments an expression is true of none is said by all verbs in the same words."""
    arguments = verb.split() if " " in verb else (verb, "first")
    assert run_command([*arguments, "--where", "lr > 3"]) == EXIT_CODES.get(verb, 0)
    assert "none of 6 experiments of first is one where lr > 3" in "".join(capsys.readouterr())


@on_sqlite
def test_no_hit_of_a_status(command: Command, series_id: int) -> None:
    """Where it is the status that excludes the chosen ones that is said, for other reasons nothing."""
    said = "none of 3 experiments of first where lr > 0.05 has the status "
    where = ("--where", "lr > 0.05")
    assert command("list", "first", "--status", "running", *where) == f"{said}running\n"
    assert command("list", "first", "--status", "running").startswith(
        "none of 6 experiments of first has the"
    )
    assert as_json(command, "list", "first", "--status", "running") == []
    assert command("retry", "first", "--status", "cancelled", *where).endswith(f"{said}cancelled\n")
    assert "none of" not in command("retry", "first", "--outcome", "crashed", *where)
    assert "none of" not in command("release", "first", *where)
    with SessionLocal() as session:
        session.execute(update(Experiment).values(retired=True))
        session.commit()
    assert "none of 0 experiments of first is one where" in command("cancel", "first", *where)


def test_correcting(command: Command, series_id: int) -> None:
    """`retry` and `cancel` change what the expression is true of."""
    assert as_json(command, "retry", "first", "--where", "lr == 0.01")["retried"] == 1
    assert statuses() == ["completed", "completed", "failed", "pending", "pending", "pending"]
    assert as_json(command, "cancel", "first", "--where", "lr == 0.01 and repetition == 2")["cancelled"] == 1
    assert statuses() == ["completed", "completed", "failed", "pending", "pending", "cancelled"]


def test_taking_from_workers(command: Command, series_id: int) -> None:
    """`cancel` and `release` take from workers only what the expression is true of."""
    with SessionLocal() as session:
        claim(session, add_worker(session), series_id, 2)
        session.commit()
    answer = as_json(command, "cancel", "first", "--where", 'status == "pending" and lr == 0.01')
    assert (answer["cancelled"], answer["taken_from_workers"]) == (1, 1)
    assert statuses()[-2:] == ["running", "cancelled"]
    none = as_json(command, "release", "first", "--force", "--where", "lr == 0.01")
    assert none["released"] == 0
    assert as_json(command, "release", "first", "--force", "--where", "lr == 0.1")["released"] == 1
    assert statuses()[-2:] == ["pending", "cancelled"]


@on_sqlite  # before any SQL
@pytest.mark.parametrize("verb", [*VERBS_WITH_WHERE, "compare first --of lr --on loss"])
def test_a_wrong_expression_changes_nothing(
    command: Command, series_id: int, verb: str, tmp_path: Path
) -> None:
    """An expression that is none, or has a wrong name, is a wrong use of each verb."""
    before = statuses()
    arguments = verb.split() if " " in verb else (verb, "first")
    told = command(*arguments, "--where", "lrr > 0.05", code=2)
    assert told.startswith("error: there is nothing named lrr; did you mean 'lr'? names: lr, opt, loss, id")
    assert told.endswith("\n    lrr > 0.05\n    ^\n")
    assert "write == None instead of is None" in command(*arguments, "--where", "lr is None", code=2)
    assert statuses() == before
    assert not (tmp_path / "Ergebnisse ü" / "first").exists()


@on_sqlite
@pytest.mark.parametrize("verb", [*VERBS_WITH_WHERE, "compare", "report"])
def test_the_series_is_found_and_the_expression_read_once(
    command: Command, series_id: int, verb: str
) -> None:
    """Whatever a command does with them: one search by name, one reading of `--where`."""
    called: list[CodeType] = []
    finding = inspect.unwrap(find_series).__code__

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        named = frame.f_code is not finding or isinstance(frame.f_locals["series"], str)
        if event == "call" and named:
            called.append(frame.f_code)

    chosen = ["--of", "lr", "--on", "loss", "--over", "opt"] if verb == "compare" else []
    sys.setprofile(profile)
    try:
        assert run_command([verb, "first", *chosen, "--where", "lr > 0"]) == 0
    finally:
        sys.setprofile(None)
    assert (called.count(finding), called.count(parse.__code__)) == (1, 1)


@on_sqlite
def test_where_needs_a_series(command: Command, series_id: int) -> None:
    """The list of series knows no parameters."""
    assert "--where needs a SERIES" in command("list", "--where", "lr > 1", code=2)


@pytest.mark.usefixtures("example")
def test_errors_are_those_of_the_page(command: Command) -> None:
    """The page of the language shows what is printed."""
    [shown] = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    examples = re.findall(r"^\$ experiments ([^\n]+)\n(.*?)(?=^\$|\Z)", shown, re.DOTALL | re.MULTILINE)
    assert len(examples) == 3
    for example, told in examples:
        assert command(*shlex.split(example), code=2) == told


@pytest.mark.usefixtures("example")
def test_the_program_of_the_page(command: Command) -> None:
    """The example in Python runs, and finds something."""
    [program] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    assert {one.parameters["lr"] for one in names["found"]} == {0.1}


@pytest.mark.usefixtures("example")
def test_graphs_of_some_experiments(command: Command, tmp_path: Path) -> None:
    """A graph draws what its `where` is true of; a wrong name stops that graph, not the others."""
    graph = {"y": "accuracy", "x": "depth"}
    file = load_series_file(
        {
            "name": "first",
            "run": {"function": "train.py:main"},
            "grid": {"lr": [0.1, 0.01], "depth": [2, 4]},
            "graphs": [
                {**graph, "where": "lr > 0.05 and repetition < 3", "name": "some"},
                {**graph, "where": {"lr": 0.01}, "name": "equal"},
                {**graph, "where": {"depth": 2.0}, "name": "none"},
                {**graph, "where": "acuracy > 0", "name": "wrong"},
            ],
        }
    ).file
    with scoped_session(read_only=True) as session:
        series = find_series(session, "first")
        records = read_records(session, series, file)
        condition = expression_of(session, series, "repetition != 1")
        some, equal = (
            with_parameters(
                read_subset(session, series, records, where=spec.where, condition=condition), spec.where
            )
            for spec in file.graphs[:2]
        )
        results = {
            one.name: one for one in generate_all_graphs(session, "first", tmp_path / "out", files=[file])
        }
    assert [len(one.completed) for one in some.configurations] == [2, 2]
    assert some.where == "(lr > 0.05 and repetition < 3) and (repetition != 1)"
    assert some.missing() == {}
    assert {one.parameters["lr"] for one in equal.configurations} == {0.01}
    assert equal.where == "repetition != 1"
    assert all(len(curves) == 4 for curves in some.curves.values())
    assert results["some"].paths
    assert results["equal"].paths
    assert results["none"].error == "where: no configuration has depth = 2.0; its values: 2, 4"
    assert "nothing named acuracy; did you mean 'accuracy'" in (results["wrong"].error or "")


@pytest.mark.usefixtures("example")
def test_graphs_by_command(command: Command) -> None:
    """`graphs --where` leaves the graphs of the whole series as they are, and draws beside them."""
    whole = command("graphs", "first").splitlines()
    content = Path(whole[1]).read_bytes()
    some = command("graphs", "first", "--where", "lr > 0.05").splitlines()
    assert [Path(path).name for path in some] == [Path(path).name for path in whole]
    assert {Path(path).parent.name.split("-")[0] for path in some} == {"where"}
    assert Path(whole[1]).read_bytes() == content != Path(some[1]).read_bytes()


def test_tables_of_some_experiments(command: Command, example: Path) -> None:
    """`table --where` writes beside the tables of the whole series, which stay; the note says of what."""
    command("table", "first")
    folder = example / "results" / "first" / "tables"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    where = "lr > 0.05 and repetition < 3"
    some = as_json(command, "table", "first", "--where", where)
    assert {Path(path).parent.parent for one in some for path in one["paths"]} == {folder}
    assert {Path(path).parent.name[:6] for one in some for path in one["paths"]} == {"where-"}
    assert {cell["parameters"].get("lr", 0.1) for one in some for cell in one["cells"]} == {0.1}
    assert {cell["n"] for one in some for cell in one["cells"]} == {3}
    for one in some:
        assert f"Only where {where}." in one["notes"]
        [page] = [Path(path) for path in one["paths"] if path.endswith(".md")]
        assert r"Only where lr \> 0.05 and repetition \< 3." in page.read_text(encoding="utf-8")
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    elsewhere = as_json(command, "table", "first", "--where", where, "--output", "out")
    assert {str(Path(path).parent) for one in elsewhere for path in one["paths"]} == {"out"}
    assert command("table", "first", "--where", "lr > 9", code=1).startswith("first: tables: none of 20 ")


@pytest.mark.usefixtures("example")
def test_tables_from_python(command: Command, tmp_path: Path) -> None:
    """Both conditions of a table hold; a wrong name is found in any series before anything is written."""
    document = {
        "name": "first",
        "run": {"function": "train.py:main"},
        "grid": {"lr": [0.1, 0.01], "depth": [2, 4]},
    }
    table = {"y": "accuracy", "rows": "depth", "where": "lr > 0.05", "name": "one"}
    none = {**table, "where": "repetition > 3", "name": "none"}
    file = load_series_file({**document, "tables": [table, none]}).file
    with SessionLocal() as session:
        add_series(session, "another", [{"x": 1}])
    with scoped_session(read_only=True) as session:
        with pytest.raises(ExpressionError, match="nothing named lr"):
            generate_all_tables(session, ["first", "another"], tmp_path / "out", where="lr > 0.05")
        assert not (tmp_path / "out").exists()
        one, other = generate_all_tables(session, "first", files=[file], where="repetition < 3")
    assert one.table is not None
    assert "Only where (lr > 0.05) and (repetition < 3)." in one.table.notes
    assert {cell.count for cell in one.table.cells.cells.values()} == {3}
    assert other.error == (
        "none of 20 experiments of first is one where (repetition > 3) and (repetition < 3): nothing to show"
    )


@pytest.mark.usefixtures("example")
def test_comparing_some_experiments(command: Command) -> None:
    """`compare --where` compares those only and says so; where too little is left, that is told."""
    asked = ("compare", "first", "--of", "lr", "--on", "accuracy", "--where")
    found = as_json(command, *asked, "depth == 2 and repetition != 1")
    assert (found["where"], found["over"]) == ("depth == 2 and repetition != 1", [])
    assert [pair["n"] for pair in found["pairs"]] == [[4, 4]]
    of_all = as_json(command, *asked[:-1], "--over", "depth")
    assert (of_all["where"], of_all["over"]) == (None, ["depth"])
    assert "also differ in depth (2 values)" in command(*asked[:-1], code=2)
    assert "\nOnly where depth == 2.\n" in command(*asked, "depth == 2")
    assert "lr is always 0.1 where lr > 0.05: there is nothing to compare" in command(
        *asked, "lr > 0.05", code=2
    )
    assert "none of 20 experiments of first is one where lr > 9: nothing to compare" in command(
        *asked, "lr > 9", code=2
    )
