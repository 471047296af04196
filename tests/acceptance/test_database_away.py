"""The database goes away under a run: killed, cut off, moved, full. Nothing is lost, nothing runs twice."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from database.engine import registry as engines
from database.models import Experiment, Outcome
from database.session.lifecycle import SessionLocal, close_global_session, scoped_session
from experiments.journal import JournalReader
from meta.commands.group import run_command
from tests.acceptance.project import PATIENCE_S, Project, hear
from tests.faults.proxy import Cut, Proxy
from tests.faults.server import Server

RECORDS = "def main(x):\n    note(x)\n    return {'y': x}"
#: Tells when it comes to x = 0, and waits for the gate; after that it goes on.
WAITS_AT_0 = """
def main(x):
    note(x)
    if x == 0:
        tell("there")
        wait()
    return {"y": x}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def away(clean_process: None, server: Server, tmp_path: Path) -> Project:
    """Return a project on a server that the test may kill."""
    url = server.database()
    engines.configure(url)
    folder = tmp_path / "Mein Projekt é"
    folder.mkdir()
    return Project(folder, url)


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the command's end, and return what it said; if it does not end, it is killed."""
    try:
        return process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()


def wait_for_result(project: Project) -> None:
    """Return when the one worker's journal has a result that is not recorded."""
    [path] = (project.folder / "results" / ".runners").rglob("*.journal")
    journal, pause = JournalReader(path), threading.Event()
    while not journal.count_unrecorded():
        pause.wait(0.01)
        journal.poll()
    journal.close()


def assert_recorded_once(project: Project, experiments: int) -> None:
    """Every experiment has its right value and one completed attempt, and the database is whole."""
    assert project.statuses() == {"completed": experiments}
    with SessionLocal() as session:
        for experiment in session.scalars(select(Experiment)):
            assert experiment.results == {"y": experiment.configuration.parameters["x"]}
            assert [each.outcome for each in experiment.attempts].count(Outcome.COMPLETED) == 1
    assert run_command(["database", "check"]) == 0


def test_server_killed_in_the_middle(server: Server, away: Project) -> None:
    """Experiments go on while the server is away; what they return waits, and is recorded when it is back."""
    project = away
    project.series(WAITS_AT_0, experiments=40)
    running = project.start("run", "s.yaml", "--workers", "2")
    assert project.event() == "there"
    server.kill()
    try:
        project.open_gate()
        hear(running, "the database does not answer")
    finally:
        server.start()
    out, err = finish(running)
    assert running.returncode == 0, out + err
    assert_recorded_once(project, 40)
    assert set(project.executions().values()) == {1}
    assert project.outcomes() == {"completed": 40}
    project.assert_nothing_left()


def test_interrupted_twice_while_the_server_is_away(server: Server, away: Project) -> None:
    """Ctrl-C twice ends it while the database is away; it says what waits, and the next run records it."""
    project = away
    project.series(WAITS_AT_0, experiments=10)
    running = project.start("run", "s.yaml", "--workers", "1")
    assert project.event() == "there"
    server.kill()
    try:
        project.open_gate()
        hear(running, "the database does not answer")
        wait_for_result(project)
        running.send_signal(signal.SIGINT)
        hear(running, "Ctrl-C again stops at once")
        running.send_signal(signal.SIGINT)
        out, err = finish(running)
    finally:
        server.start()
    assert running.returncode == 130, out + err
    assert "the database was away; " in out
    assert "in the journals: running again here records" in out
    assert project.processes() == []
    before = project.executions()
    assert before["0"] == 1
    ended = project.run("run", "s.yaml", "--workers", "1")
    assert_recorded_once(project, 10)
    assert project.executions()["0"] == 1, ended.stderr
    project.assert_nothing_left()


def test_stopped_twice_while_a_worker_is_missing(server: Server, away: Project) -> None:
    """A second signal ends the run also when it waits to be told whether a dead worker is to be replaced."""
    project = away
    project.series(WAITS_AT_0, experiments=10)
    running = project.start("run", "s.yaml", "--workers", "1", "--quiet")
    assert project.event() == "there"
    [worker] = [each for each in project.processes() if os.getsid(each) == each]
    server.kill()
    try:
        os.kill(worker, signal.SIGKILL)
        hear(running, "the database does not answer")
        running.send_signal(signal.SIGINT)
        running.send_signal(signal.SIGTERM)
        out, err = finish(running)
    finally:
        server.start()
    assert running.returncode == 130, out + err
    assert project.processes() == []


def test_results_that_could_not_be_recorded(project: Project) -> None:
    """When a fault that stays ends the run, the next one records what waits in the journals."""
    project.series(WAITS_AT_0, experiments=3)
    running = project.start("run", "s.yaml", "--workers", "1")
    assert project.event() == "there"
    file = project.url.removeprefix("sqlite:///")
    refuse = "CREATE TRIGGER refuses BEFORE INSERT ON attempt BEGIN SELECT RAISE(ABORT, 'no'); END"
    for statement in (refuse, "DROP TRIGGER refuses"):
        connection = sqlite3.connect(file)
        connection.execute(statement)
        connection.commit()
        connection.close()
        if running.returncode is None:
            project.open_gate()
            out, err = finish(running)
            assert running.returncode not in {0, 1}, out + err
    project.run("run", "s.yaml", "--workers", "1")
    assert_recorded_once(project, 3)
    assert project.executions()["0"] == 1
    project.assert_nothing_left()


def test_connections_cut_at_random(postgres_server: str, postgres_url: str, tmp_path: Path) -> None:
    """A whole run through a proxy that breaks a third of all COMMITs records every experiment once."""
    folder = tmp_path / "Mein Projekt é"
    folder.mkdir()
    proxy = Proxy(postgres_server)
    proxy.cut_at_random(0.3, seed=3)
    project = Project(folder, proxy.url(postgres_url))
    project.series(RECORDS, experiments=300)
    ended = project.run("run", "s.yaml", "--workers", "2")
    assert all(proxy.cuts[cut] > 0 for cut in Cut), proxy.cuts
    proxy.close()
    close_global_session()
    engines.configure(postgres_url)
    assert_recorded_once(project, 300)
    assert set(project.executions().values()) == {1}, ended.stderr
    project.assert_nothing_left()


def test_file_moved_away_in_the_middle(project: Project) -> None:
    """A run whose file was moved away ends with 3 and what to do; put back, the next run has its results."""
    project.series(WAITS_AT_0, experiments=10)
    running = project.start("run", "s.yaml", "--workers", "1")
    assert project.event() == "there"
    file = Path(project.url.removeprefix("sqlite:///"))
    elsewhere = file.with_name("woanders.db")
    file.rename(elsewhere)
    project.open_gate()
    out, err = finish(running)
    assert running.returncode == 3, out + err
    assert f"the database file {file} was deleted or moved away while it was in use" in err
    assert "journals" in err
    assert not file.exists()
    assert project.processes() == []
    elsewhere.rename(file)
    project.run("run", "s.yaml", "--workers", "1")
    assert_recorded_once(project, 10)
    assert project.executions()["0"] == 1
    project.assert_nothing_left()


def test_results_folder_deleted_in_the_middle(project: Project) -> None:
    """Where the journals went with the file, nothing is said to wait in them; one reason is told once."""
    results = project.folder / "results"
    project.environment["EXPERIMENTS_DATABASE_URL"] = f"sqlite:///{results}/experiments.db"
    project.series(
        """
        import fcntl
        def main(x):
            meet(4)
            if x == 0:
                tell("there")
            with open(os.path.join(HERE, "held")) as held:
                fcntl.flock(held, fcntl.LOCK_SH)
        """,
        experiments=4,
    )
    with (project.folder / "held").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        running = project.start("run", "s.yaml", "--workers", "4")
        assert project.event() == "there"
        shutil.rmtree(results)
    _, err = finish(running)
    assert running.returncode == 3, err
    assert err.count("warning: at the end of the run: ") <= 1, err
    assert f"what is not recorded is lost, with its journals: {results}" in err
    assert "waits in" not in err


def test_full_disk(project: Project) -> None:
    """Without room for the database a run waits and says so; with some, it goes on, and nothing ran twice."""
    project.environment["EXPERIMENTS_HEARTBEAT_S"] = "0.5"  # the runner itself must meet the full disk
    project.series(WAITS_AT_0, experiments=300)
    project.run("create", "s.yaml")
    with sqlite3.connect(project.url.removeprefix("sqlite:///")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    running = project.start("run", "s.yaml", "--workers", "1")
    assert project.event() == "there"
    limit = (50_000, resource.RLIM_INFINITY)
    for process in project.processes():
        resource.prlimit(process, resource.RLIMIT_FSIZE, limit)
    project.open_gate()
    hear(running, "the database's disk is full")
    for process in project.processes():
        resource.prlimit(process, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    out, err = finish(running)
    assert running.returncode == 0, out + err
    assert_recorded_once(project, 300)
    assert set(project.executions().values()) == {1}
    with scoped_session() as session:
        assert session.scalar(text("PRAGMA integrity_check")) == "ok"
