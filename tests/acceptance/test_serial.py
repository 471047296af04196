"""Signals to a run in one process, and what it does that worker processes do as well."""

from __future__ import annotations

import signal

import pytest
from sqlalchemy import select

from database.claims import protocol, runners
from database.claims.types import RetryPolicy
from database.models import Attempt, ProcessState
from database.process_identity import others_alive
from database.session.lifecycle import SessionLocal, scoped_session
from tests.acceptance.project import PATIENCE_S, Project, hear

WAITS_AT_1 = """
def main(x):
    note(x)
    if x == 1 and not os.path.exists(os.path.join(HERE, "calm")):
        tell("there")
        wait()
    return {"y": x}
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_polite_stop(project: Project, number: signal.Signals, code: int) -> None:
    """The running experiment finishes and is recorded, nothing is begun after it, and the exit code tells."""
    project.series(WAITS_AT_1)
    running = project.start("run", "s.yaml", "--workers", "0", "--grace", "900", "--progress", "plain")
    project.event()
    running.send_signal(number)
    hear(running, "finishing what runs")
    project.open_gate()
    out, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == code, out + err
    assert "stopped; 8 are left: the same command resumes them" in out
    assert project.outcomes() == {"completed": 2}
    project.assert_nothing_left()


def test_end_of_the_grace_time(project: Project) -> None:
    """What goes on after the grace time is interrupted without blame, and its record tells when it was."""
    project.series(WAITS_AT_1)
    running = project.start("run", "s.yaml", "--workers", "0", "--grace", "0.1")
    project.event()
    running.terminate()
    out, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 143, out + err
    assert project.outcomes() == {"completed": 1, "interrupted": 1}
    assert project.statuses() == {"completed": 1, "pending": 9}
    with SessionLocal() as session:
        ended = session.scalars(select(Attempt).where(Attempt.outcome == "interrupted")).one()
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert ended.finished_at > ended.started_at
    assert ended.duration_s
    assert ended.error_message == "the runner was stopped while it ran"
    project.assert_nothing_left()


def test_second_signal(project: Project) -> None:
    """The second one ends the process at once; the next run takes over what it was at."""
    project.series(WAITS_AT_1)
    running = project.start("run", "s.yaml", "--workers", "0", "--grace", "900", "--progress", "plain")
    project.event()
    running.terminate()
    hear(running, "finishing what runs")
    running.terminate()
    running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 143
    (project.folder / "calm").touch()
    project.here("run", "s.yaml", "--workers", "0")
    assert project.outcomes() == {"completed": 10, "lost": 1}
    assert project.executions() == {str(x): 2 if x == 1 else 1 for x in range(10)}
    project.assert_nothing_left()


@pytest.mark.parametrize("workers", ["0", "1"])
def test_nohup(project: Project, workers: str) -> None:
    """Under nohup a run goes on when its terminal is closed."""
    project.series(WAITS_AT_1)
    project.command = ["nohup", *project.command]
    running = project.start("run", "s.yaml", "--workers", workers)
    project.event()
    running.send_signal(signal.SIGHUP)
    project.open_gate()
    out, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, out + err
    assert project.outcomes() == {"completed": 10}


def test_retry_that_waits(project: Project) -> None:
    """A retry that is due a little later is waited for, as with worker processes."""
    project.series(
        """
        def main(x):
            note(x)
            with open(os.path.join(HERE, "journal")) as journal:
                assert len(journal.read().split()) > 2
        """,
        experiments=2,
        execute="{workers: 0, retries: {error: 1, delay: 0.2s}}",
    )
    project.here("run", "s.yaml")
    assert project.outcomes() == {"error": 2, "completed": 2}


def test_silent_for_longer_than_its_lease(project: Project) -> None:
    """A run that was declared dead says so, registers again, and goes on."""
    project.series(WAITS_AT_1)
    running = project.start("run", "s.yaml", "--workers", "0")
    project.event()
    with scoped_session() as session:
        [alive] = others_alive(session, "")
        assert runners.declare_dead(session, alive)
        [worker] = protocol.orphaned_workers(session)
        protocol.finalize_worker(session, worker, (), state=ProcessState.DEAD, policy=RetryPolicy())
    project.open_gate()
    project.event()  # it is tried again
    project.open_gate()
    out, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, out + err
    assert "this runner was silent for so long that it was declared dead; it registers again" in err
    assert project.statuses() == {"completed": 10}
    project.assert_nothing_left()
