"""The verbs that look at, correct and export what is recorded, on both databases."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, update
from sqlalchemy.orm import Session

from database.engine import current_url, get_engine
from database.models import Experiment, ExperimentSeries, Outcome, Runner
from database.people import current_person
from database.runners import Provenance
from database.session import SessionLocal
from database.settings import results_directory
from experiments.results_folder import ResultsFolder
from meta.commands.group import run_command
from tests.integration.recording import add_series, add_worker, claim, completed, raised, record

SERIES_FILE = """
name: first
description: A grid of two
run: {function: train.py:main}
fixed: {epochs: 3}
grid: {lr: [0.1, 0.01], model.depth: [2]}
repeat: {seeds: 3}
"""
TRAIN = "def main(epochs, lr, model, seed):\n    return {'accuracy': lr * seed}\n"


class Commands:
    """Runs verbs in this process and keeps what they printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def __call__(self, *arguments: str, code: int = 0) -> str:
        found = run_command(arguments)
        out, self.err = self._capsys.readouterr()
        assert found == code, self.err
        return out

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code), parse_constant=pytest.fail)


@pytest.fixture
def commands(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Commands:
    folder = tmp_path / "Projekt é"
    folder.mkdir()
    (folder / "first.yaml").write_text(SERIES_FILE)
    (folder / "train.py").write_text(TRAIN)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EXPERIMENTS_RESULTS", str(tmp_path / "Ergebnisse ü"))
    return Commands(capsys)


def folder() -> ResultsFolder:
    return ResultsFolder(results_directory(current_url()))


def filled() -> tuple[int, list[int]]:
    """Return a series with one completed, two failed, one timed out, two pending experiments, and the ids."""
    with SessionLocal() as session:
        parameters = [{"lr": 0.1, "model": {"depth": 2}}, {"lr": 0.01, "model": {"depth": 2}}]
        series_id = add_series(session, "first", parameters, repetitions=3)
        provenance = Provenance(git_commit="c0ffee", git_dirty=True, python_version="3.12.1")
        ends = [completed(accuracy=math.nan, note="=1+1"), raised(), raised(message="0.7")]
        ends.append({"outcome": Outcome.TIMED_OUT})
        return series_id, record(session, add_worker(session, provenance), series_id, ends)


def statuses(session: Session) -> list[str]:
    return [one.status.value for one in session.scalars(select(Experiment).order_by(Experiment.position))]


def test_create_and_check(commands: Commands) -> None:
    """`check` counts what `create` then records; doing it again adds nothing."""
    facts = commands.json("check", "first.yaml")
    assert facts == {
        "series": "first",
        "target": f"{Path.cwd()}/train.py:main",
        "parameters": ["epochs", "lr", "model.depth"],
        "configurations": 2,
        "repetitions": 3,
        "experiments": 6,
        "new": 6,
        "existing": 0,
        "retired": 0,
    }
    assert commands("create", "first.yaml") == "first: 6 new\n"
    assert commands("create", "first.yaml") == "first: 0 new, 6 already there\n"
    Path("first.yaml").write_text(
        SERIES_FILE.replace("[0.1, 0.01]", "[0.01, 0.001]").replace("seeds: 3", "seeds: 4")
    )
    facts = commands.json("check", "first.yaml")
    assert (facts["new"], facts["existing"], facts["retired"]) == (5, 3, 3)
    assert commands.json("create", "first.yaml") == [
        {"series": "first", "new": 5, "existing": 3, "retired": 3}
    ]
    assert commands.json("check", "first.yaml")["retired"] == 3
    assert "retired         3\n" in commands("check", "first.yaml")


def test_check_writes_nothing(commands: Commands) -> None:
    """`check` leaves the database as it is."""
    commands("check", "first.yaml")
    with SessionLocal() as session:
        assert session.scalars(select(ExperimentSeries)).all() == []


def test_check_of_another_target(commands: Commands) -> None:
    """A series of the same name that runs something else is told before it is created."""
    filled()
    commands("check", "first.yaml", code=2)
    assert "series first exists and runs train.py:main, but first.yaml runs" in commands.err


def test_create_goes_on_after_a_bad_file(commands: Commands) -> None:
    """A wrong file is reported with its line; the others are created."""
    Path("bad.yaml").write_text("name: bad\nrun: {function: train.py:mian}\n")
    assert commands("create", "bad.yaml", "first.yaml", code=2) == "first: 6 new\n"
    assert "bad.yaml:2: run.function" in commands.err


def test_list(commands: Commands) -> None:
    """Without a series, `list` names them with their counts."""
    filled()
    lines = commands("list").splitlines()
    assert lines[0].split() == ["series", "experiments", "completed", "created", "description"]
    assert lines[1].split()[:3] == ["first", "6", "1"]
    [one] = commands.json("list")
    assert sorted(one) == [
        "completed",
        "created_at",
        "description",
        "experiments",
        "priority",
        "series",
        "tags",
        "target",
    ]


def test_list_of_nothing(commands: Commands) -> None:
    """A database without series is listed as such."""
    assert commands.json("list") == []
    assert commands.json("status") == []


def test_list_experiments(commands: Commands) -> None:
    """With a series, `list` shows its experiments; --status and --limit choose."""
    _, ids = filled()
    out = commands("list", "first")
    assert re.search(
        rf"^ *{ids[0]}  completed +0 +1 +1 s  lr=0.1 model.depth=2 +accuracy=nan note==1\+1$", out, re.M
    )
    assert "failed (timed_out)" in out
    assert len(commands("list", "first", "--status", "failed").splitlines()) == 4
    commands("list", "first", "--limit", "2")
    assert "there are more than 2; --limit shows more" in commands.err
    rows = commands.json("list", "first")
    assert [row["status"] for row in rows] == [
        "completed",
        "failed",
        "pending",
        "failed",
        "failed",
        "pending",
    ]
    assert rows[0]["results"] == {"accuracy": {"$float": "nan"}, "note": "=1+1"}
    commands("list", "--status", "failed", code=2)
    assert "--status needs a SERIES" in commands.err


def test_list_as_json_is_complete(commands: Commands) -> None:
    """Data are not cut short unless --limit says so; people see 50 and are told that there are more."""
    with SessionLocal() as session:
        add_series(session, "first", [{"lr": 1}], repetitions=60)
    assert len(commands.json("list", "first")) == 60
    assert len(commands.json("list", "first", "--limit", "7")) == 7
    assert len(commands("list", "first").splitlines()) == 51
    assert "there are more than 50; --limit shows more" in commands.err
    assert len(commands("list", "first", "--limit", "60").splitlines()) == 61
    assert commands.err == ""


def test_overview_on_a_terminal(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """On 80 columns every count is whole, in lines no longer than that."""
    with SessionLocal() as session:
        add_series(session, "series-of-the-year", [{"lr": 1}], repetitions=1080)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")  # no bold, which has a length
    for verb in ("status", "list"):
        out = commands(verb)
        assert "1080" in out.split()
        assert max(map(len, out.splitlines())) <= 80


def test_status(commands: Commands) -> None:
    """`status` counts, names failures by outcome and says what to do next."""
    filled()
    overview = commands("status").splitlines()
    assert overview[1].split()[:8] == ["first", "6", "2", "0", "1", "3", "0", "0"]
    out = commands("status", "first")
    assert "failed           3 (2 failed, 1 timed_out)\n" in out
    assert "`experiments failures first`" in out
    assert "`experiments run first`" in out
    data = commands.json("status", "first")
    changed = data.pop("changed_by"), data.pop("changed_at")
    assert {**data, "last_activity": None, "rate_per_s": None} == {
        "series": "first",
        "folder": "first",
        "state": "ready",
        "version": 1,
        "priority": 0,
        "paused": False,
        "notes": "",
        "experiments": 6,
        "pending": 2,
        "running": 0,
        "completed": 1,
        "failed": 3,
        "cancelled": 0,
        "retired": 0,
        "failures": {"failed": 2, "timed_out": 1},
        "delayed": 0,
        "first_due_at": None,
        "runners": 0,
        "last_activity": None,
        "rate_per_s": None,
        "remaining_s": None,
    }
    [same] = commands.json("status")
    assert (same.pop("changed_by"), same.pop("changed_at")) == changed
    assert {**same, "rate_per_s": None} == {**data, "rate_per_s": None}


def test_status_shows_claimed_as_pending(commands: Commands) -> None:
    """A claim without a start is nothing to people."""
    series_id, _ = filled()
    with SessionLocal() as session:
        claim(session, add_worker(session), series_id, 2)
    data = commands.json("status", "first")
    assert (data["pending"], data["running"], data["runners"]) == (1, 1, 1)
    assert "runners at work  1" in commands("status", "first")


def test_show(commands: Commands) -> None:
    """`show` tells parameters, results, and each attempt with its provenance and log."""
    _, ids = filled()
    log = folder().log("first", ids[1], 1)
    log.parent.mkdir(parents=True)
    log.write_text("hello\n")
    out = commands("show", str(ids[0]))
    assert "model.depth  2" in out
    assert "accuracy  nan" in out
    out = commands("show", str(ids[1]))
    for told in ("ValueError: 0.1", "c0ffee (with uncommitted changes)", "3.12.1", str(log), "in helper"):
        assert told in out
    data = commands.json("show", str(ids[1]))
    [attempt] = data["attempts"]
    assert (attempt["number"], attempt["outcome"], attempt["log"]) == (1, "failed", str(log))
    assert data["parameters"] == {"lr": 0.01, "model": {"depth": 2}}


@pytest.mark.parametrize("verb", ["show", "logs"])
def test_unknown_id(commands: Commands, verb: str) -> None:
    """A wrong id is an error of use; so is one no database can count to."""
    commands(verb, "77", code=2)
    assert "there is no experiment 77" in commands.err
    commands(verb, str(2**63), code=2)
    commands(verb, "x", code=2)


def test_failures(commands: Commands) -> None:
    """Failures are grouped by cause, with an example and the command that shows it in full."""
    series_id, ids = filled()
    out = commands("failures", "first")
    first, _, rest = out.partition("\n")
    assert first == "2 x failed ValueError at /home/user/helpers.py:3 in helper"
    assert rest.startswith("    first 2")
    assert f"    experiment {ids[2]}: lr=0.1 model.depth=2\n" in out
    assert "    ValueError: 0.7\n" in out
    assert f"    in full: experiments show {ids[2]}\n" in out
    assert "1 x timed_out\n" in out
    one, two = commands.json("failures", "first")
    assert {*one} == {
        *("outcome", "error_type", "place", "pattern", "death", "count", "first_at", "last_at"),
        *("example", "parameters", "message", "traceback", "log_tail"),
    }
    assert (one["pattern"], one["death"], one["parameters"]["model"]) == ("N", None, {"depth": 2})
    assert (two["outcome"], two["error_type"], two["place"]) == ("timed_out", None, None)
    with SessionLocal() as session:
        session.execute(update(Experiment).where(Experiment.series_id == series_id).values(retired=True))
        session.commit()
    assert commands("failures", "first") == "no experiment of first has failed\n"


def test_status_watch(commands: Commands) -> None:
    """`status --watch` ends with the series, and says how it is; where nothing is left, at once."""
    filled()
    with SessionLocal() as session:
        session.execute(update(Experiment).where(Experiment.status == "pending").values(status="cancelled"))
        session.commit()
    out = commands("status", "first", "--watch", "--interval", "0.1")
    assert out.startswith("first: 6/6 done, 0 running, 3 failed\n")
    assert "\nseries           first\n" in out
    *looks, end = map(json.loads, commands("status", "first", "--watch", "--json").splitlines())
    assert [look["event"] for look in looks[-1:]] == ["progress"]
    assert (looks[-1]["completed"], looks[-1]["runners"]) == (1, 0)
    assert (end["event"], end["summary"]["failed"]) == ("end", 3)
    commands("status", "--watch", code=2)
    assert "--watch needs a SERIES" in commands.err
    commands("status", "first", "--interval", "2", code=2)
    assert "--interval needs --watch" in commands.err


def test_logs_follow_of_what_has_ended(commands: Commands) -> None:
    """`logs -f` of an attempt that has ended prints its log; of another computer's it says where to go."""
    _, ids = filled()
    log = folder().log("first", ids[0], 1)
    log.parent.mkdir(parents=True)
    log.write_text("hällo\n")
    assert commands("logs", "-f", str(ids[0])) == "hällo\n"
    commands("logs", "-f", str(ids[0]), "--json", code=2)
    with SessionLocal() as session:
        series_id = add_series(session, "second")
        one = claim(session, add_worker(session), series_id, 1)[0].experiment_id
        session.execute(update(Runner).values(host="elsewhere"))
        session.commit()
    commands("logs", "-f", str(one), code=2)
    assert f"experiment {one}, attempt 1 runs on elsewhere" in commands.err


def test_logs(commands: Commands) -> None:
    """`logs` prints the bytes an attempt wrote; says so when there are none."""
    _, ids = filled()
    log = folder().log("first", ids[0], 1)
    log.parent.mkdir(parents=True)
    log.write_text("hällo\n")
    assert commands("logs", str(ids[0])) == "hällo\n"
    assert commands("logs", str(ids[0]), "--attempt", "1") == "hällo\n"
    assert commands.json("logs", str(ids[0])) == {
        "experiment": ids[0],
        "attempt": 1,
        "path": str(log),
        "text": "hällo\n",
        "note": None,
    }
    assert commands("logs", str(ids[1])) == ""
    assert commands.err == f"experiment {ids[1]}, attempt 1: nothing was written\n"
    commands("logs", str(ids[0]), "--attempt", "2", code=2)
    assert "has no attempt 2; it has 1" in commands.err
    commands("logs", str(max(ids) + 1), code=2)
    assert "has not been started yet; it is pending" in commands.err


def test_logs_of_another_host(commands: Commands) -> None:
    """Where the file is out of reach, the last lines come from the database."""
    with SessionLocal() as session:
        series_id = add_series(session, "first")
        [one] = record(session, add_worker(session), series_id, [{**raised(), "log_tail": "last words"}])
        session.execute(update(Runner).values(host="elsewhere"))
        session.commit()
    assert commands("logs", str(one)) == "last words\n"
    assert "not on this computer (it ran on elsewhere)" in commands.err


def test_logs_while_running(commands: Commands) -> None:
    """Of a running attempt the output so far is shown."""
    with SessionLocal() as session:
        series_id = add_series(session, "first")
        worker_id = add_worker(session)
        one = claim(session, worker_id, series_id, 1)[0].experiment_id
        runner_id = session.scalars(select(Runner.id)).one()
    assert commands("logs", str(one)) == ""
    assert "is still running: nothing was written" in commands.err
    capture = folder().capture(runner_id, worker_id)
    capture.parent.mkdir(parents=True)
    capture.write_text("step 3\n")
    assert commands("logs", str(one)) == "step 3\n"


def test_retry(commands: Commands) -> None:
    """`retry` makes failed experiments pending again and says how to run them."""
    filled()
    out = commands("retry", "first")
    assert out == "first: 3 pending again\n`experiments run first` runs them\n"
    assert commands.json("retry", "first") == {"series": "first", "retried": 0, "hurried": 0}
    assert commands("retry", "first", "--status", "cancelled") == "first: 0 pending again\n"
    commands("retry", "first", "--status", "completed", code=2)
    with SessionLocal() as session:
        assert statuses(session) == ["completed", *["pending"] * 5]


def test_retry_of_retired(commands: Commands) -> None:
    """When nothing is tried again because the file no longer names it, that is said."""
    series_id, _ = filled()
    with SessionLocal() as session:
        session.execute(update(Experiment).where(Experiment.series_id == series_id).values(retired=True))
        session.commit()
    assert commands("retry", "first") == (
        "first: 0 pending again\nthose that are failed are retired: the series file no longer names them\n"
    )
    assert commands("retry", "first", "--status", "cancelled") == "first: 0 pending again\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "first.yaml"],
        ["status"],
        ["status", "first"],
        ["list"],
        ["list", "first"],
        ["show", "1"],
        ["failures", "first"],
        ["logs", "2"],
        ["export", "first"],
        ["graphs", "first"],
    ],
    ids=" ".join,
)
def test_looking_is_read_only(commands: Commands, arguments: list[str]) -> None:
    """Verbs that look open one snapshot after the other, in which the database refuses writes."""
    filled()
    begun: list[Mapping[str, Any]] = []

    def begin(connection: Connection) -> None:
        begun.append(connection.get_execution_options())

    event.listen(get_engine(), "begin", begin)
    run_command([*arguments])
    assert begun
    assert all(options.get("read_only") or options.get("postgresql_readonly") for options in begun)


def test_edit(commands: Commands) -> None:
    """`edit` notes, pauses and resumes; `status` shows it, with who did it last."""
    filled()
    out = commands("edit", "first", "--pause", "--notes", "diverges at 0.1")
    assert "paused      true\n" in out
    shown = commands("status", "first")
    assert re.search(rf"^paused +yes \(last changed by {re.escape(current_person())}\)$", shown, re.MULTILINE)
    assert re.search(r"^notes +diverges at 0.1$", shown, re.MULTILINE)
    assert "`experiments edit first --resume` lets it go on" in shown
    data = commands.json("edit", "first", "--resume")
    assert (data["paused"], data["notes"], data["version"]) == (False, "diverges at 0.1", 3)
    assert "paused" not in commands("status", "first")


def test_edit_of_an_outdated_version(commands: Commands) -> None:
    """With the version that was seen, a change that came second is refused and says who was faster."""
    filled()
    seen = str(commands.json("status", "first")["version"])
    commands("edit", "first", "--notes", "theirs")
    commands("edit", "first", "--notes", "mine", "--version", seen, code=2)
    assert f"series first was changed by {current_person()} at " in commands.err
    assert commands.json("status", "first")["notes"] == "theirs"


def test_edit_of_nothing(commands: Commands) -> None:
    """Without anything to change it says what there is."""
    commands("edit", "first", code=2)
    assert "give --name, --priority, --notes, --pause or --resume" in commands.err


def test_priority(commands: Commands) -> None:
    """`status` and `list` show priorities once there are any; JSON always does."""
    filled()
    assert "priority" not in commands("list") + commands("status") + commands("status", "first")
    assert commands.json("edit", "first", "--priority", "-7")["priority"] == -7
    assert commands("list").split()[3] == "priority"
    assert commands("status").splitlines()[1].split()[8] == "-7"
    assert re.search(r"^priority +-7$", commands("status", "first"), re.MULTILINE)
    assert commands.json("list")[0]["priority"] == commands.json("status", "first")["priority"] == -7
    commands("edit", "first", "--priority", "5000", code=2)
    assert "from -1000 to 1000, not 5000" in commands.err


def test_rename(commands: Commands) -> None:
    """A renamed series has its logs and graphs where they were, and `delete` finds them all."""
    with SessionLocal() as session:
        series_id = add_series(session, "first", [{"lr": 0.1}, {"lr": 0.01}])
        ids = record(session, add_worker(session), series_id, [completed(accuracy=n / 3) for n in range(4)])
    log = folder().log("first", ids[0], 1)
    log.parent.mkdir(parents=True)
    log.write_text("said\n")
    drawn = commands("graphs", "first").splitlines()
    out = commands("edit", "first", "--name", "study")
    assert re.search(r"^series +study\nfolder +first$", out, re.MULTILINE)
    told = (
        "change the name in the mapping that describes it to study, or running it creates a new series first"
    )
    assert commands.err == f"{told}\n"
    assert commands("logs", str(ids[0])) == "said\n"
    assert commands.json("show", str(ids[0]))["attempts"][0]["log"] == str(log)
    assert re.search(r"^folder +first$", commands("status", "study"), re.MULTILINE)
    assert commands("graphs", "study").splitlines() == drawn
    commands("status", "first", code=2)
    commands("delete", "study", "--yes")
    assert not log.exists()
    assert not [path for path in drawn if Path(path).exists()]


def test_rename_by_the_file(commands: Commands) -> None:
    """The note after a rename names the file that was given, or the folder it lies in."""
    commands("create", "first.yaml")
    commands("edit", "first.yaml", "--name", "second")
    told = "or running it creates a new series first\n"
    assert commands.err == f"change `name: first` in first.yaml to `name: second`, {told}"
    commands("edit", "second", "--name", "second")
    assert commands.err == ""
    commands("edit", "second", "--name", "first")
    assert f"in its series file (in {Path.cwd()}) to `name: first`" in commands.err
    commands("create", "first.yaml")
    assert [one["series"] for one in commands.json("list")] == ["first"]


def test_rename_to_a_taken_name(commands: Commands) -> None:
    """A name that another series has is refused with exit code 2, and so is one that no file may have."""
    filled()
    with SessionLocal() as session:
        add_series(session, "other")
    commands("edit", "first", "--name", "other", code=2)
    assert "series first cannot be called other: there is another series other" in commands.err
    commands("edit", "first", "--name", "../first", code=2)
    assert "must begin with a letter or digit" in commands.err
    assert [one["series"] for one in commands.json("list")] == ["first", "other"]


def test_graphs_no_longer_asked_for_after_a_rename(commands: Commands) -> None:
    """The index of the graphs' folder knows a series by its folder: what it no longer asks for goes."""
    with SessionLocal() as session:
        series_id = add_series(session, "first", [{"lr": 0.1}, {"lr": 0.01}])
        record(session, add_worker(session), series_id, [completed(accuracy=n / 3) for n in range(4)])
    before = {Path(line) for line in commands("graphs", "first").splitlines()}
    commands("edit", "first", "--name", "study")
    with SessionLocal() as session:
        series = session.get_one(ExperimentSeries, series_id)
        series.resolved = {**series.resolved, "graphs": [{"name": "mine", "y": "accuracy", "x": "lr"}]}
        session.commit()
    after = {Path(line) for line in commands("graphs", "study").splitlines()}
    assert {path.stem for path in after} == {"mine"}
    assert not any(path.exists() for path in before)


def test_run_of_a_paused_series(commands: Commands) -> None:
    """A paused series is not run, and the message says who changed it last and how to go on."""
    commands("create", "first.yaml")
    commands("edit", "first", "--pause")
    commands("run", "first.yaml", "--quiet", code=4)
    assert "series first is paused (last changed by " in commands.err
    assert "`experiments edit first --resume`" in commands.err
    assert commands.json("status", "first")["pending"] == 6


def test_delete(commands: Commands) -> None:
    """`delete --yes` removes the records and what was written, but nothing else in that folder."""
    _, ids = filled()
    home = folder().series("first")
    for path in (
        folder().log("first", ids[0], 1),
        folder().files("first", ids[0]) / "model.bin",
        folder().graphs("first") / "line.png",
        home / "logs" / "mine.txt",
        home / "thesis.tex",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert commands("delete", "first", "--yes") == "first: 6 experiments deleted\n"
    left = sorted(str(path.relative_to(home)) for path in home.rglob("*"))
    assert left == ["logs", "logs/mine.txt", "thesis.tex"]
    assert commands.json("list") == []


@pytest.mark.parametrize(("answer", "told"), [("n\n", "nothing was deleted"), ("", "--yes answers")])
def test_delete_asks(commands: Commands, monkeypatch: pytest.MonkeyPatch, answer: str, told: str) -> None:
    """Without --yes it asks; no and no answer delete nothing."""
    filled()
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    commands("delete", "first", code=2)
    assert "Delete first: 6 experiments, 1 of them completed?" in commands.err
    assert told in commands.err
    assert len(commands.json("list")) == 1


def test_delete_agreed(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Yes to the question deletes."""
    filled()
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert commands.json("delete", "first") == {"series": "first", "deleted": 6}


def test_delete_refused_while_running(commands: Commands) -> None:
    """A series that a live runner works on stays, with its files."""
    series_id, ids = filled()
    log = folder().log("first", ids[0], 1)
    log.parent.mkdir(parents=True)
    log.touch()
    with SessionLocal() as session:
        claim(session, add_worker(session), series_id, 1)
    commands("delete", "first", "--yes", code=2)
    assert "a runner is at work on this series" in commands.err
    assert log.exists()


def test_export_csv(commands: Commands) -> None:
    """CSV has one line per experiment; text that a spreadsheet would run is made harmless."""
    _, ids = filled()
    rows = list(csv.DictReader(commands("export", "first").splitlines()))
    assert len(rows) == 6
    assert list(rows[0])[11:] == [
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
    """A result named with a dot and a nested one of that path are both kept."""
    with SessionLocal() as session:
        series_id = add_series(session, "first", [{"lr": 1}], repetitions=1)
        record(session, add_worker(session), series_id, [completed(**{"a.b": 1, "a": {"b": 2}})])
    [row] = csv.DictReader(commands("export", "first").splitlines())
    assert (row["results.a.b"], row["results.a"]) == ("1", '{"b": 2}')
    assert "a.b" in commands("show", row["id"])


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


def test_export_into_a_descriptor(commands: Commands) -> None:
    """The path of an open pipe, as a shell passes it, is written to."""
    filled()
    wanted = commands("export", "first").encode()
    read, write = os.pipe()
    commands("export", "first", "--output", f"/dev/fd/{write}")
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        assert stream.read() == wanted


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


def test_export_to_a_dash(commands: Commands) -> None:
    """A dash is stdout; a file of that name is written with its folder."""
    filled()
    wanted = commands("export", "first")
    assert commands("export", "first", "--output", "-") == wanted
    assert not Path("-").exists()
    commands("export", "first", "--output", "./-")
    assert Path("./-").read_text() == wanted


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
    assert sorted(found[0]) == ["error", "name", "note", "paths", "series", "unchanged"]
    assert Path(found[0]["paths"][0]).parent == Path("bilder ö/first")
    assert commands.err.startswith("second: graphs: ")
    assert commands.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["list"],
        ["failures"],
        ["retry"],
        ["cancel"],
        ["release"],
        ["delete", "--yes"],
        ["export"],
        ["graphs"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_unknown_series(commands: Commands, arguments: list[str]) -> None:
    """A wrong name is answered with the nearest one and all there are, and exit code 2."""
    filled()
    verb, *options = arguments
    commands(verb, "frist", *options, code=2)
    assert "there is no series named 'frist'; did you mean 'first'? the database has: first" in commands.err


def test_series_by_its_file(commands: Commands) -> None:
    """Where a series is wanted, its file may be named instead."""
    filled()
    assert commands.json("status", "first.yaml")["series"] == "first"
    assert commands.json("status", str(Path("first.yaml").absolute()))["series"] == "first"
    commands("status", "frist.yaml", code=2)
    told = "there is no such file, and there is no series named 'frist.yaml'; the database has: first"
    assert commands.err == f"error: frist.yaml: {told}\n"
    commands("status", "nowhere/first.yaml", code=2)
    assert "there is no folder nowhere" in commands.err


def test_terminal_tricks_are_spelled_out(commands: Commands) -> None:
    """Control characters of users cannot rewrite the screen."""
    with SessionLocal() as session:
        series_id = add_series(session, "first", [{"x": "\x1b[2J\r"}], repetitions=2)
        record(session, add_worker(session), series_id, [completed(a="\x1b[31m"), raised(message="\x1b]0;")])
    for arguments in (["list", "first"], ["show", "1"], ["show", "2"], ["failures", "first"]):
        out = commands(*arguments)
        assert "\x1b" not in out
        assert "\\x1b" in out
