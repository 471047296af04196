"""What the commands make of the records: export, graphs."""

from __future__ import annotations

import csv
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from database.session.lifecycle import SessionLocal
from tests.integration.databases import on_sqlite
from tests.integration.meta.commanding import Commands, filled, folder
from tests.integration.recording import add_series, add_worker, completed, record


def test_export_csv(commands: Commands) -> None:
    """CSV has one line per experiment; text that a spreadsheet would run is made harmless."""
    _, ids = filled()
    rows = list(csv.DictReader(commands("export", "first").splitlines()))
    assert len(rows) == 6
    assert list(rows[0])[12:] == [
        "parameters.lr",
        "parameters.model.depth",
        "results.accuracy",
        "results.note",
    ]
    first = rows[0]
    assert (first["id"], first["status"], first["retired"]) == (str(ids[0]), "completed", "false")
    assert (first["parameters.lr"], first["results.accuracy"], first["results.note"]) == (
        "0.1",
        "nan",
        "'=1+1",
    )
    assert rows[2]["results.accuracy"] == ""


@on_sqlite
@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=SUM(A1)", "'=SUM(A1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        (-1, "-1"),
        (-0.5, "-0.5"),
        (10**40, str(10**40)),
        (True, "true"),
        (None, ""),
        ([1, "a"], '[1, "a"]'),
        ('a,"b"\nc', 'a,"b"\nc'),
        (0.1 + 0.2, "0.30000000000000004"),
    ],
)
def test_export_cells(commands: Commands, value: object, cell: str) -> None:
    """Numbers keep every digit and their sign; text survives quotes, commas and line ends."""
    with SessionLocal() as session:
        series_id = add_series(session, "first", [{"=lr": 1}], repetitions=1)
        record(session, add_worker(session), series_id, [completed(a=value)])
    commands("export", "first", "--output", "out é/table.csv")
    with Path("out é/table.csv").open(newline="", encoding="utf-8") as stream:
        [row] = csv.DictReader(stream)
    assert row["results.a"] == cell
    assert row["parameters.=lr"] == "1"
    assert [path.name for path in Path("out é").iterdir()] == ["table.csv"]


def test_export_json(commands: Commands) -> None:
    """JSON has the same keys as `list --json`, and keeps what CSV flattens."""
    filled()
    rows = json.loads(commands("export", "first", "--format", "json"))
    assert rows == commands.json("list", "first")
    with SessionLocal() as session:
        add_series(session, "empty", [])
    assert json.loads(commands("export", "empty", "--format", "json")) == []


def test_export_of_clashing_names(commands: Commands) -> None:
    """A result named with a dot and a nested one of that path are both kept, and take no other with them."""
    with SessionLocal() as session:
        series_id = add_series(session, "first", [{"lr": 1}], repetitions=2)
        clashing = completed(**{"a.b": 1, "a": {"b": 2, "c": 3}, "m": {"acc": 0.5}})
        record(session, add_worker(session), series_id, [clashing, completed(m={"acc": 0.25})])
    row, other = csv.DictReader(commands("export", "first").splitlines())
    assert {name: row[f"results.{name}"] for name in ('["a.b"]', "a.b", "a.c", "m.acc")} == {
        '["a.b"]': "1",
        "a.b": "2",
        "a.c": "3",
        "m.acc": "0.5",
    }
    assert other["results.m.acc"] == "0.25"
    assert len(row) == 12 + 1 + 4
    out = commands("show", row["id"])
    assert '["a.b"]  1\n' in out
    assert "m.acc    0.5\n" in out


@on_sqlite
def test_failed_export_leaves_the_old_file(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is replaced as a whole or not at all."""
    filled()
    Path("table.csv").write_text("old")
    monkeypatch.setattr("meta.export._line", lambda *_: 1 / 0)
    commands("export", "first", "--output", "table.csv", code=70)
    assert Path("table.csv").read_text() == "old"
    assert not list(Path.cwd().glob(".table*"))
    commands("export", "first", "--output", "first.yaml/table.csv", code=2)
    assert "first.yaml/table.csv cannot be written" in commands.err


@on_sqlite
def test_export_writes_into_a_pipe(commands: Commands, tmp_path: Path) -> None:
    """What is no regular file is written to and stays what it is, also behind a link."""
    filled()
    wanted = commands("export", "first").encode()
    pipe, link = tmp_path / "röhre", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with ThreadPoolExecutor() as reader:
            read = reader.submit(pipe.read_bytes)
            commands("export", "first", "--output", str(path))
            assert read.result() == wanted
    assert pipe.is_fifo()
    assert link.is_symlink()


@on_sqlite
def test_export_into_a_descriptor(commands: Commands) -> None:
    """The path of an open pipe, as a shell passes it, is written to."""
    filled()
    wanted = commands("export", "first").encode()
    read, write = os.pipe()
    commands("export", "first", "--output", f"/dev/fd/{write}")
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        assert stream.read() == wanted


@on_sqlite
def test_export_through_a_link(commands: Commands, tmp_path: Path) -> None:
    """A link stays a link: what it leads to is replaced, or made; one that leads nowhere is an error."""
    filled()
    wanted = commands("export", "first")
    link, file = Path("link.csv"), tmp_path / "anderswo é" / "table.csv"
    link.symlink_to(file)
    for _ in range(2):
        commands("export", "first", "--output", "link.csv")
        assert (link.is_symlink(), file.read_text()) == (True, wanted)
    assert [path.name for path in file.parent.iterdir()] == ["table.csv"]
    Path("loop").symlink_to("loop")
    commands("export", "first", "--output", "loop", code=2)
    assert "loop cannot be written" in commands.err
    assert Path("loop").is_symlink()


@on_sqlite
def test_export_to_a_dash(commands: Commands) -> None:
    """A dash is stdout; a file of that name is written with its folder."""
    filled()
    wanted = commands("export", "first")
    assert commands("export", "first", "--output", "-") == wanted
    assert not Path("-").exists()
    commands("export", "first", "--output", "./-")
    assert Path("./-").read_text() == wanted


@on_sqlite
def test_graphs(commands: Commands) -> None:
    """`graphs` writes PNG and SVG and prints where; what cannot be drawn is told, with exit code 1."""
    with SessionLocal() as session:
        series_id = add_series(session, "first", [{"lr": 0.1}, {"lr": 0.01}])
        record(session, add_worker(session), series_id, [completed(accuracy=n / 3) for n in range(4)])
        add_series(session, "second")
    paths = [Path(line) for line in commands("graphs", "first").splitlines()]
    assert {path.suffix for path in paths} == {".png", ".svg"}
    assert all(path.parent == folder().graphs("first") and path.stat().st_size for path in paths)
    found = commands.json("graphs", "first", "second", "--output", "bilder ö", code=1)
    assert sorted(found[0]) == ["error", "name", "note", "paths", "series", "told", "unchanged"]
    assert Path(found[0]["paths"][0]).parent == Path("bilder ö/first")
    assert commands.err.startswith("second: graphs: ")
    assert commands.err.count("\n") == 1
    for again in (found, commands.json("graphs", "first", "--output", "bilder ö")):
        assert again[0]["told"]["intervals"] == {"accuracy": []}
