"""Loading a series: what a good file becomes, and what each kind of bad one is told."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from database.expressions.parser import ALLOWED
from experiments.series_file.loading import load_series_file
from experiments.series_file.models import SeriesFile
from experiments.series_file.reading.errors import SeriesFileError
from experiments.series_file.sections.graphs import GraphKind

GOOD = """\
name: first
run: {function: train.py:main}
grid: {lr: [0.1, 0.01], depth: [2, 4]}
repeat: {seeds: 5}
graphs: [{y: accuracy, x: depth, hue: lr}]
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str) -> Path:
        path = tmp_path / "mes séries" / "série.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def told(source: Path | dict[str, Any]) -> list[str]:
    """Return the lines of the error, without the path of the file."""
    with pytest.raises(SeriesFileError) as caught:
        load_series_file(source)
    return [line.removeprefix(f"{source}:") for line in str(caught.value).splitlines()]


def test_the_smallest_useful_file(write: Write) -> None:
    """Every default is filled in, and the file's text and place are kept."""
    path = write(GOOD)
    loaded = load_series_file(path)
    assert loaded.text == GOOD
    assert loaded.path == path
    assert loaded.directory == path.parent
    file = loaded.file
    assert (file.name, file.description, file.tags) == ("first", "", ())
    assert file.run.function == "train.py:main"
    assert file.grid == {"lr": (0.1, 0.01), "depth": (2, 4)}
    assert file.repeat.seeds == 5
    assert (file.execute.workers, file.execute.timeout) == ("auto", None)
    assert (file.graphs[0].kind, file.graphs[0].x, file.graphs[0].facet) == (None, "depth", None)
    assert file.parameter_names() == ["lr", "depth"]


def test_every_key_there_is(write: Write) -> None:
    """A file with all keys is read, durations in seconds, and a curve's x is the step."""
    loaded = load_series_file(
        write(
            """\
name: all-keys_1.2
description: Adam against SGD
tags: [paper, é]
run: {function: "experiments.library.digits:train"}
fixed:
  epochs: 20
  model: {width: 64, act.fn: relu}
grid:
  model.depth: [2, 4]
  optimizer: [{name: sgd, momentum: 0.9}, {name: adam}]
repeat: {seeds: 10}
metrics:
  accuracy: {goal: max, label: Test accuracy, unit: "%"}
  loss: {goal: min}
  time: {}
execute: {workers: 2, timeout: 1h30m}
graphs:
  - {kind: curve, y: loss, hue: optimizer.name, facet: model.depth, title: Loss, name: loss_1}
  - {kind: box, y: accuracy, x: optimizer.name}
  - {y: accuracy, x: step}
"""
        )
    )
    file = loaded.file
    assert file.tags == ("paper", "é")
    assert (file.execute.workers, file.execute.timeout) == (2, 5400.0)
    assert [graph.x for graph in file.graphs] == ["step", "optimizer.name", "step"]
    assert (file.metrics["accuracy"].goal, file.metrics["accuracy"].unit) == ("max", "%")
    assert file.parameter_names() == [
        "epochs", "model.width", "model.act.fn", "model.depth", "optimizer.name", "optimizer.momentum"
    ]  # fmt: skip
    assert loaded.parameter_path("model.width") == ("fixed", "model")
    assert loaded.parameter_path("optimizer.name") == ("grid", "optimizer")


def test_the_resolved_file_survives_the_database(write: Write) -> None:
    """What is stored as JSON and validated again is the same file."""
    file = load_series_file(write(GOOD.replace("seeds: 5}", "seeds: 5}\nexecute: {timeout: 2h}"))).file
    stored = json.loads(json.dumps(file.model_dump(mode="json")))
    assert SeriesFile.recorded(stored) == file


class Mixed(str, Enum):  # noqa: UP042 - its str() is not its value, unlike that of a StrEnum
    MIXED = "mixed"


def test_a_mapping_is_a_series_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Python's tuples, ranges and numpy's scalars are read as lists and numbers; paths start here."""
    monkeypatch.chdir(tmp_path)
    loaded = load_series_file(
        {
            "name": "m",
            "run": {"function": "t.py:f"},
            "fixed": {"lr": np.float64(0.5), "flag": np.bool_(True), "text": Mixed.MIXED},
            "grid": {"n": range(3), "w": (np.int64(1), 2.5)},
        }
    )
    assert (loaded.text, loaded.path, loaded.directory) == (None, None, tmp_path)
    assert loaded.file.fixed == {"lr": 0.5, "flag": True, "text": "mixed"}
    assert loaded.file.grid == {"n": (0, 1, 2), "w": (1, 2.5)}
    assert [type(value) for value in [*loaded.file.fixed.values(), loaded.file.grid["w"][0]]] == [
        float,
        bool,
        str,
        int,
    ]


def test_problems_of_a_mapping_have_the_keys_that_lead_there() -> None:
    """Without a file, each problem begins with its key path."""
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    lines = told(
        {
            "name": "m",
            "run": {"function": "t.py:f"},
            "fixed": {"a": 1j, "b": {1: 2}, "c": cyclic, "d": "\0", "e": [1, np.ma.masked]},
            "grid": {"lr": "abc"},
        }
    )
    assert (
        "fixed.a: is of type complex; a series is described by text, numbers, booleans, lists and mappings"
        in lines
    )
    assert "fixed.e[1]: is nan; parameters must be finite: write null, or quote it to make it text" in lines
    assert "fixed.b: has the key 1; keys are text" in lines
    assert any(line.endswith("nests deeper than 50 levels, or contains itself") for line in lines)
    assert "fixed.d: contains a NUL character, which databases cannot store" in lines
    assert "grid.lr: must be a list, not the text 'abc'" in lines


def test_all_problems_are_told_at_once_in_the_order_of_the_file(write: Write) -> None:
    """Reading, types and what does not fit together are reported by one error."""
    path = write("name: a b\nrun: {function: 3}\ngrid: {lr: [1, 1]}\ntags: [010]\nrepeat: {sead: 2}\n")
    assert [line.split(":")[0:2] for line in told(path)] == [
        ["1", " name"],
        ["2", " run.function"],
        ["3", " grid.lr[1]"],
        ["4", " tags[0]"],
        ["5", " repeat.sead"],
    ]


MISSING_FUNCTION = "run.function: is missing; write module:function or path/file.py:function"
KEYS = "name, description, tags, run, fixed, grid, repeat, metrics, analysis, execute, graphs, tables"
METRIC_KEYS = "goal, label, unit, bounds, kind, missing"
NAME_RULE = (
    "must begin with a letter or digit and consist of at most 128 of A-Z a-z 0-9 . _ -, "
    "because it names folders and files"
)
RESERVED = "cannot be a parameter: experiments get it besides their parameters"
FROM_REPEAT = (
    "cannot be a parameter: experiments get it from repeat.seeds; write repeat: {{seeds: {0}}} for "
    "{0} seeds, or give the parameter another name"
)
LIMIT = "more than the limit of 1,000,000; split the series"
KINDS = get_args(GraphKind)
PROBLEMS = [
    ("nam_: a", f"nam_: is not a key here; did you mean 'name'? valid here: {KEYS}"),
    ("run: {fnction: a:b}", "run.fnction: is not a key here; did you mean 'function'? valid here: function"),
    (
        "metrics: {loss: {gaol: min}}",
        f"metrics.loss.gaol: is not a key here; did you mean 'goal'? valid here: {METRIC_KEYS}",
    ),
    ("metrics: {loss: {goal: lowest}}", "metrics.loss.goal: must be 'max' or 'min', not the text 'lowest'"),
    ("run: 5", "run: must be a mapping, as in run: {function: train.py:main}, not the number 5"),
    ('run: ""', "run.function: must not be empty"),
    ("repeat: [1]", "repeat: must be a mapping, as in repeat: {seeds: 5}, not a list"),
    ("repeat: 0", "repeat.seeds: must be at least 1, not the number 0"),
    ('repeat: "5"', "repeat.seeds: must be a whole number, not the text '5'"),
    ("repeat: true", "repeat.seeds: must be a whole number, not true"),
    ("metrics: {loss: }", "metrics.loss: must be a mapping, not empty (null)"),
    ("description: 5", "description: must be text, not the number 5"),
    ("description: [a]", "description: must be text, not a list"),
    ("tags: paper", "tags: must be a list, not the text 'paper'"),
    ("fixed: [1]", "fixed: must be a mapping, not a list"),
    ("fixed: {seed: 3}", f"fixed.seed: 'seed' {FROM_REPEAT.format(5)}"),
    ("grid: {lr: [1], seed: [1, 2, 7]}", f"grid.seed: 'seed' {FROM_REPEAT.format(3)}"),
    ("grid: {repetition: [0, 1]}", f"grid.repetition: 'repetition' {FROM_REPEAT.format(2)}"),
    ("fixed: {run.a: 3}", f"fixed.run.a: 'run' {RESERVED}"),
    ("fixed: {a..b: 3}", "fixed.a..b: the parameter name 'a..b' has an empty part"),
    (
        "fixed: {model: 1, model.depth: 2}",
        "fixed.model.depth: 'model' is a value (at fixed.model), so nothing can lie below it",
    ),
    ("fixed: {m: {depth: 1}, m.depth: 2}", "fixed.m.depth: 'm.depth' is already given at fixed.m.depth"),
    ("grid: {lr: 0.1}", "grid.lr: must be a list, not the number 0.1"),
    ("grid: {lr: true}", "grid.lr: must be a list, not true"),
    ("grid: {lr: {range: 3}}", "grid.lr: must be a list, not a mapping"),
    ("grid: {lr: []}", "grid.lr: must not be empty"),
    ("grid: {lr: [1, 2, 1]}", "grid.lr[2]: 1 is in the list twice, first at grid.lr[0]"),
    ("grid: {lr: [1, ~, ~]}", "grid.lr[2]: null is in the list twice, first at grid.lr[1]"),
    ("grid: {lr: [True, true]}", "grid.lr[1]: true is in the list twice, first at grid.lr[0]"),
    ("grid: {lr: [ä, 'ä']}", 'grid.lr[1]: "ä" is in the list twice, first at grid.lr[0]'),
    (
        f"grid: {{lr: [{'x' * 99}, {'x' * 99}]}}",
        f'grid.lr[1]: "{"x" * 58}… is in the list twice, first at grid.lr[0]',
    ),
    ("grid: {lr: [0.0, -0.0]}", "grid.lr[1]: -0.0 is in the list twice, first at grid.lr[0]"),
    ("grid: {o: [{a: {b: 1}}, {a.b: 1}]}", 'grid.o[1]: {"a.b": 1} is in the list twice, first at grid.o[0]'),
    ("grid: {o: [{a: 1, a.b: 1}]}", "grid.o[0]: 'a' is a value, so 'a.b' cannot lie below it"),
    ("fixed: {lr: 1}\ngrid: {lr: [1]}", "grid.lr: 'lr' is already given at fixed.lr"),
    ("repeat: {seeds: 0}", "repeat.seeds: must be at least 1, not the number 0"),
    ("repeat: {seeds: true}", "repeat.seeds: must be a whole number, not true"),
    ("repeat: {seeds: 2.0}", "repeat.seeds: must be a whole number, not the number 2.0"),
    ("repeat: {seeds: '5'}", "repeat.seeds: must be a whole number, not the text '5'"),
    (
        "execute: {workers: many}",
        "execute.workers: must be auto or a whole number from 0 (in this process) to 4096, not 'many'",
    ),
    (
        "execute: {timeout: 2 hours}",
        "execute.timeout: must be a positive number of seconds, or text such as 90s or 1h30m, not '2 hours'",
    ),
    ("graphs: {y: a}", "graphs: must be a list, not a mapping"),
    ("graphs: [5]", "graphs[0]: must be a mapping, not the number 5"),
    ("graphs: [{x: step}]", "graphs[0].y: is missing"),
    ("graphs: [{y: acc}]", "graphs[0].x: is missing"),
    (
        "graphs: [{y: acc, x: step, kind: pie}]",
        f"graphs[0].kind: must be {', '.join(map(repr, KINDS[:-1]))} or {KINDS[-1]!r}, not the text 'pie'",
    ),
    (
        "fixed: {depth: 1}\ngraphs: [{y: acc, x: dept}]",
        "graphs[0].x: cannot be 'dept'; did you mean 'depth'? valid here: step, seconds, depth",
    ),
    (
        "fixed: {depth: 1}\ngraphs: [{y: acc, x: depth, kind: curve}]",
        "graphs[0].x: cannot be 'depth'; valid here: step, seconds",
    ),
    (
        "fixed: {depth: 1}\ngraphs: [{y: acc, x: step, kind: bar}]",
        "graphs[0].x: cannot be 'step'; valid here: depth",
    ),
    (
        "fixed: {depth: 1}\ngraphs: [{y: acc, x: depth, hue: DEPHT}]",
        "graphs[0].hue: cannot be 'DEPHT'; did you mean 'depth'? valid here: depth",
    ),
    (
        "graphs: [{y: acc, x: step, where: 5}]",
        "graphs[0].where: must be an expression, such as 'lr > 0.01', or a mapping of parameters",
    ),
    (
        "graphs: [{y: acc, x: step, where: acc > 1 and acc}, {y: acc, x: step, where: acc >}]",
        f"graphs[1].where: at its end: something is missing; {ALLOWED}",
    ),
    (
        "graphs: [{y: acc, x: step, where: '1'}]",
        "graphs[0].where: at '1', character 1: this is a value, not a condition: compare it with something",
    ),
    (
        "grid: {depth: [2]}\ngraphs: [{y: acc, x: step, where: {dept: 1}}]",
        "graphs[0].where.dept: cannot be 'dept'; did you mean 'depth'? valid here: depth",
    ),
    ("graphs: [{y: acc, x: step, facet: lr}]", "graphs[0].facet: cannot be 'lr'; valid here: nothing"),
    (
        "graphs: [{y: a, x: step, name: n}, {y: b, x: step, name: n}]",
        "graphs[1].name: 'n' is the name of graphs[0] too",
    ),
    ("graphs: [{y: a, x: step, name: a/b}]", f"graphs[0].name: {NAME_RULE}; it is 'a/b'"),
    (
        "grid: {a: [1, 2, 3]}\nrepeat: {seeds: 400000}",
        f"grid: describes 1,200,000 experiments (3 configurations x 400000 repetitions), {LIMIT}",
    ),
]


@pytest.mark.parametrize(("text", "message"), PROBLEMS)
def test_each_mistake_is_told_with_its_line(write: Write, text: str, message: str) -> None:
    """One mistake gives one problem, at the line of its section, in these words."""
    complete = "" if text.startswith("run") else "run: {function: train.py:main}\n"
    path = write(f"name: a\n{complete}# a comment\n{text}\n")
    lines = path.read_text(encoding="utf-8").splitlines()
    section = re.split(r"[:.\[]", message, maxsplit=1)[0]
    line = next(number for number, found in enumerate(lines, start=1) if found.startswith(f"{section}:"))
    assert [found for found in told(path) if not found.endswith(MISSING_FUNCTION)] == [f"{line}: {message}"]


def test_what_must_be_there(write: Write) -> None:
    """A file without name and run is told both, and how to write them."""
    assert told(write("description: nothing else\n")) == [
        "1: name: is missing; give the series a name",
        "1: run: is missing; write run: path/file.py:function",
    ]


def test_a_missing_file_names_the_nearest_one(write: Write) -> None:
    """A wrong path is told with the file that is probably meant."""
    path = write(GOOD)
    wrong = path.with_name("serie.yaml")
    with pytest.raises(SeriesFileError) as caught:
        load_series_file(str(wrong))
    assert str(caught.value) == f"{wrong}: there is no such file; did you mean {path}?"
    with pytest.raises(SeriesFileError, match="there is no folder"):
        load_series_file(path.parent / "nowhere" / "a.yaml")
    with pytest.raises(SeriesFileError, match="is a folder, not a file"):
        load_series_file(path.parent)
    path.with_name("train.py").touch()
    with pytest.raises(
        SeriesFileError, match=r"is Python code; name the YAML file that says `run: train\.py"
    ):
        load_series_file(path.with_name("train.py"))
    (dangling := path.with_name("dangling.yaml")).symlink_to("nothing.yaml")
    with pytest.raises(SeriesFileError, match="is a link to a file that is not there"):
        load_series_file(dangling)
    with pytest.raises(SeriesFileError, match="cannot be read"):
        load_series_file("a\0.yaml")


@pytest.mark.parametrize(
    "ending", ["db", "DB", "db-wal", "db-shm", "db-journal", "sqlite3", "sqlite", "journal"]
)
def test_a_series_is_not_named_as_a_database_is(write: Write, ending: str) -> None:
    """The folder of a series cannot take the place of a file of the database; others may end so."""
    with pytest.raises(SeriesFileError, match=r":1: name: 'experiments.\S+' ends as a database file does"):
        load_series_file(write(f"name: experiments.{ending}\nrun: {{function: train.py:main}}\n"))
    graph = f"graphs: [{{y: a, x: step, name: final.{ending}}}]\n"
    file = load_series_file(write(f"name: {ending}.v2\nrun: {{function: train.py:main}}\n{graph}")).file
    assert (file.name, file.graphs[0].name) == (f"{ending}.v2", f"final.{ending}")


def test_a_folder_that_is_not_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the database nor JSON could keep such a path, so it is refused at once."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xe9d"))
    folder.mkdir()
    content = {"name": "a", "run": {"function": "train.py:main"}}
    (folder / "a.yaml").write_text(json.dumps(content))
    with pytest.raises(
        SeriesFileError, match=r"b\\udce9d.*is not UTF-8; write it in UTF-8, or rename the folder or file"
    ):
        load_series_file(folder / "a.yaml")
    monkeypatch.chdir(folder)
    with pytest.raises(SeriesFileError, match="is not UTF-8"):
        load_series_file(content)
