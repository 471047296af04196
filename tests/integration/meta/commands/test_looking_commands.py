"""What the commands show: list, status, show, failures, logs, on both databases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, text, update

from database.engine.registry import current_url, get_engine
from database.models import Runner
from database.session.lifecycle import SessionLocal
from database.settings import safe_url
from meta.commands.group import run_command
from tests.integration.databases import on_sqlite
from tests.integration.meta.commanding import Commands, filled, folder
from tests.integration.recording import add_series, add_worker, claim, completed, raised, record


def test_statuses_changed_with_sql(commands: Commands) -> None:
    """Counts that cannot be are not shown: the experiments are counted, and `status` says what to do."""
    filled()
    assert "--repair" not in commands("status", "first")
    with SessionLocal() as session:
        session.execute(text("UPDATE experiment SET status = 'running', worker_id = 'w', due_at = NULL"))
        session.commit()
    shown = commands.json("status", "first")
    assert [shown[name] for name in ("experiments", "running", "pending", "completed")] == [6, 6, 0, 0]
    assert "`experiments database check --repair` counts again" in commands("status", "first")


def test_list_of_nothing(commands: Commands) -> None:
    """A database without series is listed as such."""
    assert commands.json("list") == []
    assert commands.json("status") == []


@on_sqlite
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
    assert "failed           3 (2 errors, 1 timed out)\n" in out
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
        "failures": {"error": 2, "timed_out": 1},
        "delayed": 0,
        "runners": 0,
        **dict.fromkeys(("first_due_at", "last_activity", "rate_per_s", "remaining_s")),
        "other_code": 0,
        "unknown_code": False,
        "threads": [],
    }
    [same] = commands.json("status")
    assert (same.pop("changed_by"), same.pop("changed_at")) == changed
    assert {**same, "rate_per_s": None} == {**data, "rate_per_s": None}


def test_status_shows_claimed_as_pending(commands: Commands) -> None:
    """A claim without a start is not shown."""
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
    assert (attempt["number"], attempt["outcome"], attempt["log"]) == (1, "error", str(log))
    assert data["parameters"] == {"lr": 0.01, "model": {"depth": 2}}


@on_sqlite
@pytest.mark.parametrize("verb", ["show", "logs"])
def test_unknown_id(commands: Commands, verb: str) -> None:
    """A wrong id is an error of use; so is one no database can count to."""
    commands(verb, "77", code=2)
    assert "there is no experiment 77" in commands.err
    commands(verb, str(2**63), code=2)
    commands(verb, "x", code=2)


def test_status_watch(commands: Commands) -> None:
    """`status --watch` ends with the series, and says how it is; where nothing is left, at once."""
    filled()
    with SessionLocal() as session:
        session.execute(text("UPDATE experiment SET status = 'cancelled' WHERE status = 'pending'"))
        session.commit()  # untallied: that it is over is seen nevertheless
    commands("status", "first", "--watch", "--interval", "0.1")
    commands("database", "check", "--repair")
    out = commands("status", "first", "--watch", "--interval", "0.1")
    assert out.startswith("first: 4/4 done, 0 running, 3 failed, 2 cancelled\n")
    assert "\nseries           first\n" in out
    assert "`experiments retry first --status cancelled` brings it back" in out
    *looks, end = map(json.loads, commands("status", "first", "--watch", "--json").splitlines())
    assert [look["event"] for look in looks[-1:]] == ["progress"]
    assert (looks[-1]["completed"], looks[-1]["runners"]) == (1, 0)
    assert (end["event"], end["summary"]["failed"]) == ("end", 3)
    commands("status", "--watch", code=2)
    assert "--watch needs a SERIES" in commands.err
    commands("status", "first", "--interval", "2", code=2)
    assert "--interval needs --watch" in commands.err


@on_sqlite
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


@on_sqlite
def test_logs(commands: Commands) -> None:
    """`logs` prints the bytes an attempt wrote, of a bar the last state; says so if there are none."""
    _, ids = filled()
    log = folder().log("first", ids[0], 1)
    log.parent.mkdir(parents=True)
    log.write_text("\r50%|##  |\rhällo    \n")  # as earlier versions kept it
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
    gone = folder().log("first", ids[1], 1)
    assert commands.err == f"experiment {ids[1]}, attempt 1: nothing was written, or {gone} was deleted\n"
    commands("logs", str(ids[0]), "--attempt", "2", code=2)
    assert "has no attempt 2; it has 1" in commands.err
    commands("logs", str(max(ids) + 1), code=2)
    assert "has not been started yet; it is pending" in commands.err


@on_sqlite
def test_logs_of_another_host(commands: Commands) -> None:
    """Where the file is out of reach, the database has the last lines of what did not complete."""
    with SessionLocal() as session:
        series_id = add_series(session, "first")
        attempts = [{**raised(), "log_tail": "last words"}, completed()]
        one, other = record(session, add_worker(session), series_id, attempts)
    assert commands("logs", str(one)) == "last words\n"
    deleted = folder().log("first", one, 1)
    assert commands.err == f"{deleted} was deleted; these are the last lines it wrote\n"
    with SessionLocal() as session:
        session.execute(update(Runner).values(host="elsewhere"))
        session.commit()
    assert commands("logs", str(one)) == "last words\n"
    assert "not on this computer (it ran on elsewhere)" in commands.err
    assert commands("logs", str(other)) == ""
    assert "nothing was written, or the log is not on this computer (it ran on elsewhere)" in commands.err


@on_sqlite
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


@on_sqlite
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
    told = f"named 'frist' in {safe_url(current_url())}; did you mean 'first'? the database has: first"
    assert f"there is no series {told}" in commands.err


@on_sqlite
def test_series_by_its_file(commands: Commands) -> None:
    """Where a series is wanted, its file may be named instead."""
    filled()
    assert commands.json("status", "first.yaml")["series"] == "first"
    assert commands.json("status", str(Path("first.yaml").absolute()))["series"] == "first"
    commands("status", "frist.yaml", code=2)
    place = f"in {safe_url(current_url())}; the database has: first"
    told = f"there is no such file, and there is no series named 'frist.yaml' {place}"
    assert commands.err == f"error: frist.yaml: {told}\n"
    commands("status", "nowhere/first.yaml", code=2)
    assert "there is no folder nowhere" in commands.err


@on_sqlite
def test_terminal_tricks_are_spelled_out(commands: Commands) -> None:
    """Control characters of users cannot rewrite the screen."""
    with SessionLocal() as session:
        series_id = add_series(session, "first", [{"x": "\x1b[2J\r"}], repetitions=2)
        record(session, add_worker(session), series_id, [completed(a="\x1b[31m"), raised(message="\x1b]0;")])
    for arguments in (["list", "first"], ["show", "1"], ["show", "2"], ["failures", "first"]):
        out = commands(*arguments)
        assert "\x1b" not in out
        assert "\\x1b" in out
