"""Reports of series, on both databases."""

from __future__ import annotations

import base64
import csv
import io
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from database.claims.runners import Provenance
from database.errors import ExperimentsError, NotFoundError
from database.expressions import ExpressionError
from database.models import Attempt, Experiment, ExperimentSeries, ExperimentStatus, Outcome
from database.queries.failures import failure_groups
from database.session.lifecycle import SessionLocal, scoped_session
from experiments.series_file.loading import load_series_file
from meta.graphs.provenance.file_metadata import read_origin
from meta.report.completeness import MAX_LISTED
from meta.report.generate import generate_reports
from tests.integration.databases import on_sqlite
from tests.integration.meta.commanding import filled
from tests.integration.recording import add_series, add_worker, completed, raised, record

STEPS = [0, 1, 2]
#: What makes a browser ask somebody else.
LOADING = {"src", "href", "data", "poster", "srcset", "action", "background", "cite", "formaction"}


class Page(HTMLParser):
    """What a page has: its text, its pictures, and everything it refers to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.references: list[str] = []
        self.tags: list[str] = []
        self._texts: list[str] = []
        self.feed(self.source)
        self.close()
        self.text = " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in LOADING]

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    def pictures(self) -> list[bytes]:
        found = [one for one in self.references if one.startswith("data:image/")]
        return [base64.b64decode(one.partition("base64,")[2]) for one in found]


@pytest.fixture
def outcome(written):
    """Return what experiments left: the fourth repetition at lr 0.1 failed."""

    def left(parameters, repetition):
        if parameters["lr"] == 0.1 and repetition == 3:
            return written(status=ExperimentStatus.FAILED)
        value = parameters["lr"] + repetition
        return written(results={"accuracy": value}, chunks={(1, "loss", 0): (STEPS, [value] * 3)})

    return left


SECTIONS = {
    "description": "Rates & <values>",
    "grid": {"lr": [0.1, 0.2]},
    "fixed": {"epochs": 3},
    "repeat": {"seeds": 4},
    "metrics": {"accuracy": {"goal": "max", "label": "Test accuracy", "unit": "%"}},
    "graphs": [
        {"kind": "curve", "y": "loss", "hue": "lr", "title": "Loss & <more>"},
        {"kind": "bar", "y": "accuracy", "x": "lr", "formats": ["pdf"]},
    ],
    "tables": [{"y": "accuracy", "rows": "lr", "to": ["latex", "csv"], "name": "Table-1"}],
}


def test_a_page_that_needs_nothing_else(database_url: str, tmp_path: Path, write_series, outcome) -> None:
    """It has every section and picture in it, refers to files beside it only, and runs no script."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
    with scoped_session(read_only=True) as session:
        (result,) = generate_reports(session, "study", tmp_path)
    assert result.path == tmp_path / "report.html"
    assert result.errors == {}
    page = Page(result.path)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert "@import" not in page.source
    assert "url(" not in page.source
    assert "http://" not in page.source.replace("http://www.w3.org/2000/svg", "")
    assert "default-src 'none'" in page.source
    pictures = page.pictures()
    assert [picture[:4] for picture in pictures] == [b"<?xm", b"\x89PNG"]
    others = [one for one in page.references if not one.startswith(("data:image/", "#"))]
    assert {tmp_path / one for one in others} == {
        path for one in (*result.figures, *result.tables) for path in one.paths
    }
    assert all((tmp_path / one).is_file() for one in others)
    assert (
        len(others) == 2 + 2 + 2 + 2 + 2
    )  # two files, a note and numbers; a PNG besides what was asked for; a table


def test_the_page_tells_what_is_recorded(database_url: str, tmp_path: Path, write_series, outcome) -> None:
    """Counts, warnings, notes, tables, parameters, and failures, in words that mean themselves."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
        (result,) = generate_reports(session, "study", tmp_path)
    text = Page(result.path).text
    for told in (
        "Rates & <values>",
        "8 = 2 configurations \N{MULTIPLICATION SIGN} 4 repetitions",
        "7 completed (87.5 %) · 1 error (12.5 %)",
        "1 error of 8 experiments have no results to show.",
        "Shown by survivors only: lr=0.1 (3 of 4).",
        "lr=0.1 3 4 1 error",
        "Loss & <more>",
        "{kind: curve, y: loss, x: step, hue: lr, title: Loss & <more>}",
        "over n = 3 to 4 repetitions",
        "Test accuracy (%)",
        "epochs 3",
        "lr 2 0.1, 0.2",
        "accuracy Test accuracy % higher",
        "1 \N{MULTIPLICATION SIGN} error",
    ):
        assert told in text, told


@on_sqlite
def test_the_numbers_behind_each_figure(database_url: str, tmp_path: Path, write_series, outcome) -> None:
    """Each figure has a folder with its files, which say where they come from, a note and a `data.csv`."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
        (result,) = generate_reports(session, "study", tmp_path)
    curve, bar = result.figures
    for figure in result.figures:
        folder = tmp_path / "figures" / figure.name
        assert set(figure.paths) == set(folder.iterdir())
        for path in figure.paths[:-2]:
            signed = read_origin(path)
            assert signed.is_intact
            assert signed.origin.graph == figure.name
    assert [path.suffix for path in bar.paths] == [".pdf", ".png", ".txt", ".csv"]
    note = bar.paths[-2].read_text().splitlines()
    assert note == list(signed.note.sentences)
    assert note == [*bar.below.splitlines(), *signed.note.details]
    assert bar.beside in Page(result.path).text
    rows = list(csv.DictReader(io.StringIO(bar.paths[-1].read_text())))
    assert [(row["parameters.lr"], row["n"]) for row in rows] == [("0.1", "3"), ("0.2", "4")]
    np.testing.assert_allclose([float(row["value"]) for row in rows], [1.1, 1.7])
    rows = list(csv.DictReader(io.StringIO(curve.paths[-1].read_text())))
    assert [(row["parameters.lr"], row["step"]) for row in rows] == [
        (lr, str(step)) for lr in ("0.1", "0.2") for step in STEPS
    ]


def test_runners_and_causes(commands) -> None:
    """Who ran which code, and why experiments failed, from real attempts; the command tells the path."""
    filled()
    path = Path(commands("report", "first").strip())
    text = Page(path).text
    assert "2 \N{MULTIPLICATION SIGN} error: ValueError" in text
    assert "1 \N{MULTIPLICATION SIGN} timed out" in text
    assert "Not finished, 66 % complete." in text
    assert "1 completed (16.7 %) · 2 errors (33.3 %) · 1 timed out (16.7 %) · 2 pending (33.3 %)" in text
    assert "code git commit threads completed experiments not recorded not recorded 1" in text
    assert "c0ffee with uncommitted changes" in text
    (told,) = commands.json("report", "first")
    assert told["path"] == str(path)
    assert [figure["error"] for figure in told["figures"]] == [None] * len(told["figures"])
    assert commands.err == ""


def test_only_some_experiments(database_url: str, tmp_path: Path, write_series, outcome) -> None:
    """`where` leaves the rest out of every part of the page, which lies beside that of the whole series."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
        (whole,) = generate_reports(session, "study")
        (some,) = generate_reports(session, "study", where="lr > 0.15 and repetition < 2")
        assert some.path.parent.parent == whole.path.parent
        assert whole.path.is_file()
        text = Page(some.path).text
        assert "Only experiments where lr > 0.15 and repetition < 2" in text
        assert "2 = 1 configuration \N{MULTIPLICATION SIGN} 2 repetitions" in text
        assert "No experiment has failed." in text
        assert "Only where lr > 0.15 and repetition < 2." in some.figures[0].below
        assert "Every experiment is completed" in text
        with pytest.raises(ExpressionError, match="did you mean"):
            generate_reports(session, "study", tmp_path, where="lrr > 1")
    assert not list(tmp_path.glob("report.html"))


@on_sqlite
def test_a_report_of_nothing_yet(database_url: str, tmp_path: Path, write_series, written) -> None:
    """Before anything has run there is a page all the same, which says so."""
    with scoped_session() as session:
        write_series(
            session,
            lambda _parameters, _repetition: written(status=ExperimentStatus.PENDING, attempts=0),
            grid={"lr": [0.1, 0.2]},
        )
        (result,) = generate_reports(session, "study", tmp_path)
    text = Page(result.path).text
    assert result.errors == {}
    assert "There is nothing to draw yet." in text
    assert "There is no table yet." in text
    assert "Nothing has run yet." in text
    assert "Not finished, 0 % complete." in text


@on_sqlite
def test_what_cannot_be_made_is_told(database_url: str, tmp_path: Path, write_series, outcome) -> None:
    """A wrong graph or table costs itself only: the page has the reason in its place."""
    wrong = {"graphs": [{"y": "nothing", "x": "lr"}, SECTIONS["graphs"][1]]}
    wrong["tables"] = [{"y": "neither", "rows": "lr"}, SECTIONS["tables"][0]]
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS | wrong)
        (result,) = generate_reports(session, "study", tmp_path)
    assert len(result.errors) == 2
    text = Page(result.path).text
    assert "Not drawn: y: there is no result or metric named 'nothing'" in text
    assert "Not made: y: there is no result or metric named 'neither'" in text
    assert len(Page(result.path).pictures()) == 1


@on_sqlite
def test_an_earlier_report_leaves_nothing(database_url: str, tmp_path: Path, write_series, outcome) -> None:
    """Figures no longer on the page go with their folders; what somebody changed or added stays."""
    with scoped_session() as session:
        write_series(session, outcome, **SECTIONS)
        (first,) = generate_reports(session, "study", tmp_path)
        own = tmp_path / "figures" / "mine.txt"
        own.write_text("mine")
        kept = first.figures[1].paths[-1]
        kept.write_text("changed")
        document = {"name": "study", "run": {"function": "m:f"}, **SECTIONS}
        fewer = load_series_file({**document, "graphs": [{"y": "accuracy", "x": "lr", "name": "one"}]})
        (second,) = generate_reports(session, "study", tmp_path, files=[fewer.file])
    assert own.read_text() == "mine"
    assert kept.read_text() == "changed"
    assert not first.figures[0].paths[0].parent.exists()
    found = {path for path in (tmp_path / "figures").rglob("*") if path.is_file()}
    assert found == {own, kept, *second.figures[0].paths}


def test_what_is_written_meanwhile_is_on_no_part(
    *, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_series, written
) -> None:
    """Somebody records failures between the reading of graphs and of failures: the page is of one moment."""

    def left(parameters, repetition):
        pending = written(status=ExperimentStatus.PENDING)
        return pending if repetition == 3 else written(results={"accuracy": 1.0})

    def meanwhile(*arguments):
        with SessionLocal() as other:
            for experiment in other.scalars(select(Experiment).where(Experiment.status == "pending")):
                experiment.status = ExperimentStatus.FAILED
                other.add(
                    Attempt(experiment_id=experiment.id, number=1, worker_id="w", outcome=Outcome.ERROR)
                )
            other.commit()
        return failure_groups(*arguments)

    with scoped_session() as session:
        write_series(session, left, grid={"lr": [0.1, 0.2]}, repeat={"seeds": 4})
    monkeypatch.setattr("meta.report.records.failure_groups", meanwhile)
    with scoped_session(read_only=True) as session:
        (first,) = generate_reports(session, "study", tmp_path)
        text = Page(first.path).text
        assert "6 completed (75 %) · 2 pending (25 %)" in text
        assert "No experiment has failed." in text
        (second,) = generate_reports(session, "study", tmp_path)
    text = Page(second.path).text
    assert "6 completed (75 %) · 2 errors (25 %)" in text
    assert "2 \N{MULTIPLICATION SIGN} error" in text


def test_many_incomplete_configurations_are_counted(
    database_url: str, tmp_path: Path, write_series, written
) -> None:
    """The page lists some of them, and says how many more there are."""
    many = MAX_LISTED + 7
    with scoped_session() as session:
        write_series(
            session,
            lambda _parameters, _repetition: written(status=ExperimentStatus.FAILED),
            grid={"lr": list(range(many))},
        )
        (result,) = generate_reports(session, "study", tmp_path)
    page = Page(result.path)
    assert "and 7 more." in page.text
    assert len(re.findall(r"<tr><td>lr=", page.source)) == MAX_LISTED


@pytest.fixture
def started(database_url: str) -> int:
    """Write a series of four experiments with real attempts: two completed, one failed, one running."""
    with SessionLocal() as session:
        series_id = add_series(session, "study")
        worker = add_worker(session, Provenance(git_commit="a" * 40, user="ada"))
        ends = [completed(y=0.5), completed(y=0.75), raised(message="no \x1b[31mluck\u202e")]
        record(session, worker, series_id, ends)
        at_work = add_worker(session, Provenance(user="grace"))
        for one in session.scalars(select(Experiment).where(Experiment.status.in_(["pending", "claimed"]))):
            one.status, one.worker_id, one.attempt_number = ExperimentStatus.RUNNING, at_work, 1
            one.started_at = one.claimed_at = datetime.now(UTC)
        found = session.get_one(ExperimentSeries, series_id)
        asked = {"graphs": [{"kind": "timeline", "name": "t"}], "grid": {"lr": [0.1, 0.01]}}
        found.resolved = {**found.resolved, **asked}
        session.commit()
    return series_id


def told(path: Path, **options) -> tuple[str, list[dict[str, str]]]:
    """Return the text of a report, and the rows behind its time line."""
    with scoped_session(read_only=True) as session:
        (result,) = generate_reports(session, "study", path, **options)
    return Page(result.path).text, list(csv.DictReader(io.StringIO(result.figures[0].paths[-1].read_text())))


def test_what_runs_counts(started: int, tmp_path: Path) -> None:
    """Attempts that run are attempts, and whoever runs them is in the environment."""
    text, rows = told(tmp_path)
    assert "3 ended" in text
    assert "1 running" in text
    assert " to now" in text
    assert " ada " in text
    assert " grace " in text
    assert sorted(row["outcome"] for row in rows) == ["completed", "completed", "error", "running"]


def test_a_time_line_shows_chosen_experiments_only(started: int, tmp_path: Path) -> None:
    """An expression that tells experiments of one configuration apart chooses attempts too."""
    text, rows = told(tmp_path, where='status == "failed"')
    assert [row["outcome"] for row in rows] == ["error"]
    assert "1 attempt of 1 worker: 1 error." in text
    assert "1 ended" in text
    with pytest.raises(NotFoundError, match="none of 4 experiments of study is one where repetition == 99"):
        told(tmp_path / "none", where="repetition == 99")
    assert not (tmp_path / "none").exists()


def test_what_is_retired_is_on_no_part(started: int, tmp_path: Path) -> None:
    """A time line has the attempts that the summary counts."""
    with SessionLocal() as session:
        for one in session.scalars(select(Experiment).where(Experiment.status != "completed")):
            one.retired = True
        session.commit()
    text, rows = told(tmp_path)
    assert [row["outcome"] for row in rows] == ["completed"] * 2
    assert "2 ended" in text


@on_sqlite
def test_control_characters_are_spelled_out(started: int, tmp_path: Path) -> None:
    """What HTML forbids, and what would turn the rest of the page, stands there as text."""
    text, _ = told(tmp_path)
    assert "no \\x1b[31mluck\\u202e" in text


@on_sqlite
def test_a_folder_has_one_report(started: int, tmp_path: Path, write_series, outcome) -> None:
    """Another series is refused where a report lies, before anything of it is touched."""
    folder = tmp_path / "report"
    told(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with scoped_session() as session:
        write_series(session, outcome, name="other", **SECTIONS)
        with pytest.raises(ExperimentsError, match=r"is the report of another series \(study\)"):
            generate_reports(session, "other", folder)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
        with pytest.raises(ExperimentsError, match="cannot be written"):
            generate_reports(session, "other", folder / "report.html" / "below")


@on_sqlite
def test_tables_nobody_asked_for_are_no_error(
    database_url: str, tmp_path: Path, write_series, written
) -> None:
    """One that would have too many rows is left out, and the page says why."""
    with scoped_session() as session:
        write_series(
            session,
            lambda parameters, _repetition: written(results={"y": parameters["i"]}),
            grid={"i": list(range(501))},
        )
        (result,) = generate_reports(session, "study", tmp_path)
    assert result.errors == {}
    assert "there would be 501, more than 500 that can be read" in Page(result.path).text
