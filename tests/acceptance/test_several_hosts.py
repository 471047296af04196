"""Several hosts on one PostgreSQL: they share a series, and who was silent for too long records nothing."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from database.models import Attempt, Experiment, ProcessState, Runner
from database.session.lifecycle import SessionLocal
from tests.acceptance.project import PATIENCE_S, Project, until

#: Who is silent for a second is dead here, and who shares the machine is silenced by others.
pytestmark = pytest.mark.alone

#: Attempt 1 of x = 3 waits at the gate; x = 11 ends when x = 3 has begun again. Until then a runner has work.
WAITS_AT_3 = """
def main(x, run):
    note(f"{x}:{run.attempt_number}")
    if x == 3 and run.attempt_number == 1:
        tell(os.getpid())
        wait()
    while x == 11 and "3:2" not in open(os.path.join(HERE, "journal")).read().split():
        time.sleep(0.01)
    return {"y": x, "attempt": run.attempt_number}
"""


#: The lease by which a runner judges others. Only those have it that find a silent one: a busy processor
#: silences the healthy, too.
IMPATIENT = {"EXPERIMENTS_LEASE_S": "1", "EXPERIMENTS_HEARTBEAT_S": "0.2"}


@pytest.fixture
def shared(tmp_path: Path, postgres_url: str) -> Iterator[Project]:
    """Yield a project on PostgreSQL."""
    folder = tmp_path / "Mein Projekt é"
    folder.mkdir()
    project = Project(folder, postgres_url)
    yield project
    project.end()


def start_on(project: Project, host: str, workers: int, **environment: str) -> subprocess.Popen[str]:
    """Start a runner on a host, whose disk no other host sees."""
    place = {"EXPERIMENTS_HOST": host, "EXPERIMENTS_RESULTS": str(project.folder / host)}
    return project.start("run", "s.yaml", "--workers", str(workers), **place, **environment)


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out + err
    return out + err


def assert_recorded_once(project: Project, experiments: int) -> None:
    """Each has the result of its one completed attempt."""
    assert project.statuses() == {"completed": experiments}
    with SessionLocal() as session:
        for experiment in session.scalars(select(Experiment)):
            [completed] = [each.number for each in experiment.attempts if each.outcome == "completed"]
            x = experiment.configuration.parameters["x"]
            assert experiment.results == {"y": x, "attempt": completed}
            assert project.executions()[f"{x}:{completed}"] == 1


def runners() -> Counter[tuple[str, str]]:
    """Return how many runners of each host there are in each state."""
    with SessionLocal() as session:
        return Counter((each.host, each.state.value) for each in session.scalars(select(Runner)))


def test_two_hosts_share_a_series(shared: Project) -> None:
    """Runners on two hosts work one series to its end; no experiment runs twice, and nothing is left."""
    project = shared
    project.series(
        """
        def main(x, run):
            note(f"{x}:{run.attempt_number}")
            meet(4)  # both hosts, with two workers each, however late one of them is
            time.sleep(0.005)
            return {"y": x, "attempt": run.attempt_number}
        """,
        experiments=300,
    )
    for process in [start_on(project, "a", 2), start_on(project, "b", 2)]:
        finish(process)
    assert_recorded_once(project, 300)
    assert runners() == {("a", "stopped"): 1, ("b", "stopped"): 1}
    assert set(project.executions().values()) == {1}
    for host in "ab":
        assert not (project.folder / host / ".runners").exists()
    until(lambda: not project.processes())


def test_dead_host(shared: Project) -> None:
    """What a dead host held goes on elsewhere when its lease is over; its next runner clears up there."""
    project = shared
    project.series(WAITS_AT_3, experiments=12)
    dying = start_on(project, "a", 1)
    project.event()
    dying.kill()
    dying.communicate()
    said = finish(start_on(project, "b", 2, **IMPATIENT))
    assert "taking over from a runner that died on a" in said
    assert_recorded_once(project, 12)
    assert project.outcomes() == {"completed": 12, "lost": 1}
    assert runners() == {("a", "dead"): 1, ("b", "stopped"): 1}
    assert (project.folder / "a" / ".runners").exists()
    finish(start_on(project, "a", 1))
    assert not (project.folder / "a" / ".runners").exists()
    until(lambda: not project.processes())


@pytest.mark.parametrize("first", ["runner", "worker"])
def test_suspended_host(shared: Project, first: str) -> None:
    """Who slept beyond its lease records nothing of what it held, registers again, and goes on."""
    project = shared
    project.series(WAITS_AT_3, experiments=12)
    suspended = start_on(project, "a", 1)
    worker = int(project.event())
    for pid in (suspended.pid, worker):
        os.kill(pid, signal.SIGSTOP)
    finish(start_on(project, "b", 2, **IMPATIENT))
    assert_recorded_once(project, 12)
    project.series(WAITS_AT_3, experiments=20)
    project.here("create", "s.yaml")
    if first == "worker":
        os.kill(worker, signal.SIGCONT)
        project.open_gate()
        until(lambda: worker not in project.processes())
    suspended.send_signal(signal.SIGCONT)
    said = finish(suspended)
    assert "silent for so long that it was declared dead; it registers again" in said
    assert_recorded_once(project, 20)
    assert project.outcomes() == {"completed": 20, "lost": 1}
    assert runners() == {("a", "dead"): 1, ("a", "stopped"): 1, ("b", "stopped"): 1}
    with SessionLocal() as session:
        ends = {each.number: each.outcome for each in session.scalars(select(Attempt).where(at_3()))}
        assert not session.scalars(select(Runner).where(Runner.state == ProcessState.ALIVE)).all()
    assert ends == {1: "lost", 2: "completed"}
    assert not (project.folder / "a" / ".runners").exists()
    until(lambda: not project.processes())


def at_3() -> object:
    """Return the condition of the attempts of x = 3, the fourth experiment."""
    return Attempt.experiment_id.in_(select(Experiment.id).where(Experiment.position == 3))
