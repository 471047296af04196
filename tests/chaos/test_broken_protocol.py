"""A protocol that is broken on purpose does not pass: the storms would notice."""

from __future__ import annotations

import os
import signal
import textwrap
from pathlib import Path

import pytest

from tests.acceptance.project import Project, until
from tests.chaos.checker import Evidence
from tests.chaos.plan import Blow, Plan
from tests.chaos.storm import Storm

#: What is silent for a second is dead here.
pytestmark = pytest.mark.alone

#: Python imports a module of this name at the start of each process.
SABOTAGE = "sitecustomize.py"


def sabotage(folder: Path, code: str) -> dict[str, str]:
    """Return the environment in which each process runs this code first."""
    folder.mkdir()
    (folder / SABOTAGE).write_text(textwrap.dedent(code))
    return {"PYTHONPATH": str(folder)}


def test_the_dead_keep_what_they_hold(tmp_path: Path) -> None:
    """Without settlement of dead workers experiments are stuck, and the check says so."""
    environment = sabotage(
        tmp_path / "sabotage",
        """
        from database.claims import protocol
        protocol.finalize_worker = lambda *_, **__: 0
        """,
    )
    folder = tmp_path / "Mein Projekt é"
    folder.mkdir()
    plan = Plan(seed=1, experiments=40, poison=0, blows={Blow.KILL_WORKER: 3})
    storm = Storm(plan, folder, f"sqlite:///{folder / 'experiments.db'}", environment=environment)
    said = str(storm.run())
    assert "nobody holds it: broken" in said
    assert "it is completed: broken" in said


def test_the_fenced_record(tmp_path: Path, postgres_url: str) -> None:
    """Without the fence a worker that slept overwrites another one's result, and the check sees it."""
    environment = sabotage(
        tmp_path / "sabotage",
        """
        from sqlalchemy import text
        from database.claims import protocol
        from database.errors import FencedError
        fenced = protocol.record_and_claim
        def record_and_claim(session, worker_id, finished, **how):
            try:
                return fenced(session, worker_id, finished, **how)
            except FencedError:
                for one in finished:
                    row = {"id": one.experiment_id, "results": one.results}
                    session.execute(text("UPDATE experiment SET results = :results WHERE id = :id"), row)
                session.commit()
                raise
        protocol.record_and_claim = record_and_claim
        """,
    )
    folder = tmp_path / "Mein Projekt é"
    folder.mkdir()
    project = Project(folder, postgres_url)
    project.environment |= {**environment, "EXPERIMENTS_LEASE_S": "1", "EXPERIMENTS_HEARTBEAT_S": "0.2"}
    project.series(
        """
        def main(x, run):
            note(f"{x}:{run.attempt_number}")
            if x == 0 and run.attempt_number == 1:
                tell(os.getpid())
                wait()
            while x == 1 and "0:2" not in open(os.path.join(HERE, "journal")).read().split():
                time.sleep(0.01)
            return {"y": 0, "attempt": run.attempt_number}
        """,
        experiments=2,
    )
    try:
        suspended = project.start("run", "s.yaml", "--workers", "1")
        worker = int(project.event())
        for pid in (suspended.pid, worker):
            os.kill(pid, signal.SIGSTOP)
        project.run("run", "s.yaml", "--workers", "2")
        os.kill(worker, signal.SIGCONT)
        project.open_gate()
        until(lambda: worker not in project.processes())
    finally:
        project.end()
    [row] = [row for row in Evidence.read(postgres_url).experiments if row.x == 0]
    # `test_checker` has that the check objects to a result of another attempt than the completed one.
    assert (row.status, row.attempt_number, row.results["attempt"]) == ("completed", 2, 1)
