"""From rows to tables and comparisons."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sqlalchemy import update

from database.errors import NotFoundError
from database.models import Experiment, ExperimentStatus
from database.session.lifecycle import SessionLocal, scoped_session
from experiments.output.results_folder import ResultsFolder, remove_results
from experiments.series_file.loading import load_series_file
from meta.commands.group import run_command
from meta.records.read_records import read_records
from meta.tables import generate
from meta.tables.generate import generate_all_tables
from tests.integration.databases import on_sqlite


def reading(parameters, repetition: int) -> float:
    return float(np.random.default_rng([int(10 * parameters["lr"]), repetition]).normal(parameters["lr"]))


@pytest.fixture
def outcome(written):
    """Return what experiments left: at lr 0.1 one repetition failed, the others have an accuracy."""

    def left(parameters, repetition: int):
        if parameters["lr"] == 0.1 and repetition == 5:
            return written(status=ExperimentStatus.FAILED)
        return written(results={"accuracy": reading(parameters, repetition)})

    return left


SECTIONS = {
    "grid": {"lr": [0.1, 5.0]},
    "repeat": {"seeds": 6},
    "metrics": {"accuracy": {"goal": "max", "unit": "%"}},
}


@pytest.fixture
def results_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Keep results in a folder whose name needs care."""
    home = tmp_path / "Ergebnisse ß"
    monkeypatch.setenv("EXPERIMENTS_RESULTS", str(home))
    return home


def test_tables_show_the_rows_of_the_database(
    *, database_url: str, results_home: Path, write_series, outcome
) -> None:
    """The numbers are those of completed experiments; what failed is told; files lie among the results."""
    table = {"y": "accuracy", "rows": "lr", "to": ["csv", "markdown", "latex", "html"], "name": "Table-1"}
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS, tables=[table])
    with scoped_session(read_only=True) as session:
        (result,) = generate_all_tables(session, "study")
    folder = results_home / "study" / "tables"
    names = ["Table-1.csv", "Table-1.md", "Table-1.tex", "Table-1.html"]
    assert result.paths == tuple(folder / name for name in names)
    rows = list(csv.DictReader(io.StringIO(result.paths[0].read_text())))
    for row, lr, completed in zip(rows, (0.1, 5.0), (5, 6), strict=True):
        readings = [reading({"lr": lr}, repetition) for repetition in range(completed)]
        assert float(row["value"]) == pytest.approx(np.mean(readings), rel=1e-14)
        assert (row["n"], row["missing"]) == (str(completed), str(6 - completed))
    text = result.paths[1].read_text(encoding="utf-8")
    assert "1 error of 12 experiments left out." in text
    assert "Shown by survivors only: lr=0.1 (5 of 6)." in text
    assert "Wilcoxon signed-rank test of pairs with the same seed" in text


def test_seeds_decide_whether_repetitions_are_pairs(database_url: str, write_series, outcome) -> None:
    """Pairs are repetitions whose seeds are equal in the database, whatever the file says."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
    with scoped_session(read_only=True) as session:
        assert read_records(session, "study", with_curves=False).shares_seeds
    with scoped_session() as session:
        session.execute(update(Experiment).values(seed=Experiment.id))
    with scoped_session(read_only=True) as session:
        assert not read_records(session, "study", with_curves=False).shares_seeds


@on_sqlite
def test_no_transaction_is_open_while_computing(
    *, database_url: str, results_home: Path, write_series, outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records are of one snapshot, read before anything is computed; what is written meanwhile waits."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
    original, seen = generate.make_table, []

    def write_meanwhile(spec, records):
        seen.append(reader.in_transaction())
        with SessionLocal() as writer:
            writer.execute(update(Experiment).values(results={"accuracy": 1e6}))
            writer.commit()
        return original(spec, records)

    monkeypatch.setattr(generate, "make_table", write_meanwhile)
    with SessionLocal() as reader:
        (result,) = generate_all_tables(reader, "study")
    assert seen == [False]
    assert result.table is not None
    assert all(cell.estimate < 100 for cell in result.table.cells.cells.values())


@on_sqlite
def test_one_wrong_table_does_not_stop_the_others(
    *, database_url: str, results_home: Path, write_series, outcome
) -> None:
    """What cannot be made is told with its reason; the others are written."""
    tables = [{"y": "acuracy", "rows": "lr"}, {"y": "accuracy", "rows": "lr"}]
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS, tables=tables)
    with scoped_session(read_only=True) as session:
        wrong, right = generate_all_tables(session, ["study", "study"])
        with pytest.raises(NotFoundError):
            generate_all_tables(session, "studdy")
    assert wrong.error is not None
    assert "did you mean 'accuracy'" in wrong.error
    assert (right.error, len(right.paths)) == (None, 3)


@on_sqlite
def test_tables_no_longer_asked_for_go(
    *, database_url: str, results_home: Path, write_series, outcome
) -> None:
    """Files of former tables are removed unless somebody changed them; deleting removes the others."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
    document = {"name": "study", "run": {"function": "module:function"}, **SECTIONS}
    for name in ("one", "two"):
        tables = [{"y": "accuracy", "rows": "lr", "name": name, "to": ["csv", "markdown"]}]
        file = load_series_file({**document, "tables": tables}).file
        with scoped_session(read_only=True) as session:
            generate_all_tables(session, "study", files=[file])
        if name == "one":
            (results_home / "study" / "tables" / "one.md").write_text("mine")
    folder = results_home / "study" / "tables"
    assert sorted(path.name for path in folder.iterdir()) == [
        ".generated.json",
        "one.md",
        "two.csv",
        "two.md",
    ]
    remove_results(ResultsFolder(results_home), "study")
    assert [path.name for path in folder.iterdir()] == ["one.md"]


@on_sqlite
def test_table_command(
    *, database_url: str, results_home: Path, write_series, outcome, tmp_path: Path, capsys
) -> None:
    """The command prints the table, writes the formats and folder that are asked for, and gives data."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
    folder = tmp_path / "out"
    code = run_command(["table", "study", "--to", "html", "--to", "latex", "--output", str(folder)])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    assert sorted(path.suffix for path in folder.glob("table*")) == [".html", ".tex"]
    lines = printed.out.splitlines()
    assert (lines[0], lines[1].split()) == ("accuracy (%)", ["lr", "accuracy", "(%)"])
    assert lines[2].split()[0] == "0.1"
    assert lines[3].split()[0] == "5"
    assert "**" in lines[3]
    assert f"wrote {folder}" in printed.out
    assert run_command(["table", "study", "--json"]) == 0
    (data,) = json.loads(capsys.readouterr().out)
    assert (data["result"], data["comparisons"], len(data["cells"])) == ("accuracy", 1, 2)
    assert data["cells"][0]["parameters"] == {"lr": 0.1}
    assert data["cells"][1]["p"] is None


def test_numbers_need_no_drawing(sqlite_url: str, results_home: Path, write_series, outcome) -> None:
    """`table` and `compare` import neither matplotlib nor pandas: they start in half the time."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
    verbs = (["table", "study"], ["compare", "study", "--of", "lr", "--on", "accuracy"])
    code = (
        "import sys\nfrom meta.commands.group import run_command\n"
        f"print([run_command([*verb, '--database', {sqlite_url!r}]) for verb in {verbs!r}])\n"
        "print([name for name in ('matplotlib', 'pandas', 'alembic') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-2:] == ["[0, 0]", "[]"], found.stderr


@on_sqlite
def test_compare_command(*, database_url: str, write_series, outcome, capsys) -> None:
    """The command prints pairs and verdicts, and gives the same as data."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
    assert run_command(["compare", "study", "--of", "lr", "--on", "accuracy"]) == 0
    text = capsys.readouterr().out
    assert "Wilcoxon signed-rank test of pairs with the same seed" in text
    assert "Left out, as nothing of the other corresponds: 1 of 5." in text
    assert "Experiments left out: lr = 0.1: 1 error." in text
    assert run_command(["compare", "study", "--of", "lr", "--on", "accuracy", "--unpaired", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    (pair,) = data["pairs"]
    readings = [[reading({"lr": lr}, r) for r in range(count)] for lr, count in ((0.1, 5), (5.0, 6))]
    assert pair["n"] == [5, 6]
    assert pair["difference"] == pytest.approx(np.mean(readings[0]) - np.mean(readings[1]))
    assert (data["paired"], data["test"], pair["cliffs_delta"]) == (False, "Mann-Whitney test", -1.0)
    assert pair["differs"] is True
    welch = stats.ttest_ind(*readings, equal_var=False)
    assert (pair["low"], pair["high"]) == pytest.approx(tuple(welch.confidence_interval()))
    assert (pair["simultaneous_low"], pair["simultaneous_high"]) == (pair["low"], pair["high"])
    assert (pair["interval"], pair["degrees_of_freedom"]) == ("t", pytest.approx(welch.df))
    assert (data["strata"], data["splits"], data["simultaneous_level"]) == ([], None, pytest.approx(0.95))


@on_sqlite
def test_splits_and_simultaneous_intervals_of_compare(
    *, database_url: str, write_series, outcome, capsys
) -> None:
    """The options of the command are those of the comparison."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
    asked = ["compare", "study", "--of", "lr", "--on", "accuracy", "--splits", "45/105"]
    assert run_command([*asked, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    (pair,) = data["pairs"]
    apart = [reading({"lr": 0.1}, r) - reading({"lr": 5.0}, r) for r in range(5)]
    error = np.std(apart, ddof=1) * np.sqrt(1 / 5 + 45 / 105)
    assert pair["p"] == pytest.approx(2 * stats.t.sf(abs(np.mean(apart)) / error, 4))
    assert (data["test"], data["splits"]) == ("corrected resampled t test", {"test": 45.0, "train": 105.0})
    assert run_command([*asked, "--simultaneous", "--strata", "lr"]) == 2
    assert "not paired here" in capsys.readouterr().err
    assert run_command([*asked, "--simultaneous"]) == 0
    text = capsys.readouterr().out
    assert "95 %, each by itself" in text
    assert "95 %, all together" in text
    assert "test/train 45/105 (Nadeau and Bengio 2003), 4 degrees of freedom" in text


@on_sqlite
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "studi", "--of", "lr", "--on", "accuracy"], "did you mean 'study'"),
        (["compare", "study", "--of", "le", "--on", "accuracy"], "parameters of the series: lr"),
        (["compare", "study", "--of", "lr", "--on", "accurcy"], "did you mean 'accuracy'"),
        (["compare", "study", "--of", "lr", "--on", "accuracy", "--baseline", "6"], "its values: 0.1, 5"),
        (["compare", "study", "--of", "lr", "--on", "accuracy", "--level", "95"], "not in the range"),
        (["compare", "study", "--of", "lr"], "Missing option '--on'"),
        (["table", "studi"], "did you mean 'study'"),
        (["table", "study", "--to", "pdf"], "'pdf' is not one of"),
    ],
)
def test_wrong_wishes_are_usage_errors(
    *, database_url: str, write_series, outcome, capsys, arguments: list[str], message: str
) -> None:
    """Exit code 2, and the nearest valid name."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
    assert run_command(arguments) == 2
    assert message in capsys.readouterr().err
