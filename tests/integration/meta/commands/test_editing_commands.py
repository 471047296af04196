"""What the commands change: retry, edit, rename, delete, on both databases."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from sqlalchemy import update

from database.models import Experiment, ExperimentSeries
from database.process_identity import current_user
from database.session.lifecycle import SessionLocal
from tests.integration.meta.commanding import Commands, filled, folder, statuses
from tests.integration.recording import add_series, add_worker, claim, completed, record


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


def test_edit(commands: Commands) -> None:
    """`edit` notes, pauses and resumes; `status` shows it, with who did it last."""
    filled()
    out = commands("edit", "first", "--pause", "--notes", "diverges at 0.1")
    assert "paused      true\n" in out
    shown = commands("status", "first")
    assert re.search(rf"^paused +yes \(last changed by {re.escape(current_user())}\)$", shown, re.MULTILINE)
    assert re.search(r"^notes +diverges at 0.1$", shown, re.MULTILINE)
    assert "`experiments edit first --resume` resumes it" in shown
    data = commands.json("edit", "first", "--resume")
    assert (data["paused"], data["notes"], data["version"]) == (False, "diverges at 0.1", 3)
    assert "paused" not in commands("status", "first")


def test_edit_of_an_outdated_version(commands: Commands) -> None:
    """With the version that was seen, a change that came second is refused and says who was faster."""
    filled()
    seen = str(commands.json("status", "first")["version"])
    commands("edit", "first", "--notes", "theirs")
    commands("edit", "first", "--notes", "mine", "--version", seen, code=2)
    assert f"series first was changed by {current_user()} at " in commands.err
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
        folder().files("first") / str(ids[0]) / "model.bin",
        folder().graphs("first") / "line.png",
        home / "logs" / "mine.txt",
        home / "thesis.tex",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder().graphs("first") / ".generated.json").write_text('{"first": {"line.png": ""}}')
    assert commands("delete", "first", "--yes") == "first: 6 experiments deleted\n"
    left = sorted(str(path.relative_to(home)) for path in home.rglob("*"))
    assert left == ["logs", "logs/mine.txt", "thesis.tex"]
    assert commands.json("list") == []


@pytest.mark.parametrize(
    ("answer", "told"), [("n\n", "nothing was deleted"), ("", "use --yes to delete without asking")]
)
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
    assert "a runner is running this series" in commands.err
    assert log.exists()
