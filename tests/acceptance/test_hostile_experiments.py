"""Experiments that harm their own process: what they may not take with them."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing

from sqlalchemy import select

from database.models import Attempt, Experiment, ExperimentSeries, Outcome
from database.session.lifecycle import SessionLocal
from tests.acceptance.project import PATIENCE_S, Project, until


def test_closed_descriptors(project: Project) -> None:
    """Closing all descriptors and opening files in their place costs the experiment, never the database."""
    project.series(
        """
        def main(x, run):
            if x == 3:
                run.log(loss=0)
                os.closerange(3, 256)
                run.log(loss=1)
                global kept
                kept = [os.open(os.path.join(HERE, f"user{n}"), os.O_CREAT | os.O_RDWR) for n in range(20)]
            return {"y": x}
        """,
        experiments=8,
    )
    ended = project.here("run", "s.yaml", "--workers", "1", code=1)
    assert "7 of 8 experiments completed" in ended.stdout
    assert all(path.stat().st_size == 0 for path in project.folder.glob("user*"))
    with SessionLocal() as session:
        message = session.scalar(select(Attempt.error_message).where(Attempt.outcome == Outcome.CRASHED))
    assert message == "it closed file descriptors that were not its own; its process was ended at once"
    assert project.points(3)[1] == 2
    with closing(sqlite3.connect(project.url.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_thread_left_behind(project: Project) -> None:
    """A thread that an experiment leaves running keeps nobody waiting."""
    project.series(
        """
        import threading
        def main(x):
            threading.Thread(target=time.sleep, args=(1000,)).start()
            return {}
        """,
        experiments=3,
    )
    project.here("run", "s.yaml", "--workers", "2")
    project.assert_nothing_left()


def test_forked_child_that_returns(project: Project) -> None:
    """A child that an experiment forks does not become a second worker."""
    project.series(
        """
        def main(x):
            note(x)
            if os.fork():
                os.wait()
            return {"y": x}
        """
    )
    project.here("run", "s.yaml", "--workers", "2")
    assert project.executions() == {str(x): 1 for x in range(10)}
    assert project.statuses() == {"completed": 10}


def test_worker_that_leaves_at_import(project: Project) -> None:
    """Workers that end without an error before they start anything are not replaced for ever."""
    project.series(
        """
        if sys.stdout.name == 1:  # in a worker
            os._exit(0)
        def main(x): return {}
        """
    )
    ended = project.run("run", "s.yaml", "--workers", "2", code=4)
    assert "5 workers in a row died before they started an experiment" in ended.stderr


def test_replaced_stdout(project: Project) -> None:
    """An experiment that replaces sys.stdout hurts no later one's log."""
    project.series(
        """
        import io
        def main(x):
            if x == 0: sys.stdout = io.StringIO()
            print("experiment", x)
            return {}
        """,
        experiments=3,
    )
    project.here("run", "s.yaml", "--workers", "1")
    logs = {path.name: path.read_text() for path in (project.folder / "results/s/logs").iterdir()}
    assert logs == {"2-1.log": "experiment 1\n", "3-1.log": "experiment 2\n"}


def test_log_that_cannot_be_written(project: Project) -> None:
    """The result matters more than the log."""
    project.series("def main(x):\n    print(x)\n    return {'y': x}", experiments=3)
    (project.folder / "results").mkdir()
    (project.folder / "results/s").write_text("in the way")
    project.here("run", "s.yaml", "--workers", "1")
    assert project.statuses() == {"completed": 3}


def test_metrics_do_not_commit_the_users_transaction(project: Project) -> None:
    """run.log writes in a session of its own; what the experiment has not committed stays so."""
    project.series(
        """
        from database.models import ExperimentSeries
        from database.session import get_session
        def main(x, run):
            session = get_session()
            session.add(ExperimentSeries(name="half done", resolved={}, target="a:b"))
            session.flush()
            for step in range(100_001):
                run.log(step=step, loss=step)
            session.rollback()
            return {"y": x}
        """,
        experiments=1,
    )
    project.here("run", "s.yaml", "--workers", "1")
    with SessionLocal() as session:
        assert session.scalars(select(ExperimentSeries.name)).all() == ["s"]
        results = session.scalars(select(Experiment.results)).one()
    assert results is not None
    assert results["metrics"]["loss"]["count"] == 100_001


def test_global_numpy_generator_is_seeded_from_the_first_call(project: Project) -> None:
    """The first experiment of a worker is as repeatable as the others, also when it imports numpy itself."""
    project.series(
        """
        def main(x):
            import numpy as np
            return {"draw": np.random.rand()}
        """,
        experiments=6,
    )
    project.here("run", "s.yaml", "--workers", "2")
    with SessionLocal() as session:
        assert len({str(results) for results in session.scalars(select(Experiment.results))}) == 1


CHILD = """
import subprocess
def main(x):
    child = subprocess.Popen(["sleep", "1000"])
    tell(os.getpid())
    wait()
    return {}
"""


def test_children_die_with_a_killed_runner(project: Project) -> None:
    """What an experiment started dies too when the runner is killed."""
    project.series(CHILD, experiments=1)
    running = project.start("run", "s.yaml", "--workers", "1")
    project.event()
    running.kill()
    running.communicate(timeout=PATIENCE_S)
    until(lambda: not project.processes())  # the kernel ends them when the runner's pipe is closed


def test_terminating_all_processes_blames_nobody(project: Project) -> None:
    """SIGTERM to the runner and its workers at once, as batch systems do, counts as interruption."""
    project.series(CHILD, experiments=1)
    running = project.start("run", "s.yaml", "--workers", "1", "--grace", "5")
    worker = int(project.event())
    running.send_signal(signal.SIGTERM)
    os.kill(worker, signal.SIGTERM)
    running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 143
    assert project.outcomes() == {"interrupted": 1}
    project.assert_nothing_left()
