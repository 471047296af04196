"""Running a series from the command line: results, failures, resume, logs, provenance."""

from __future__ import annotations

import math
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select as sql_select

from database.models import Attempt, Experiment, MetricChunk, Runner
from database.session.lifecycle import SessionLocal
from tests.acceptance.project import PATIENCE_S, Project, until


def test_run_and_resume(project_on_both: Project) -> None:
    """Everything is recorded with its values; the same command again runs nothing."""
    project = project_on_both
    project.series("def main(x, seed): note(x); return {'y': x * x, 'seed': seed}")
    first = project.run("run", "s.yaml", "--workers", "2")
    assert "s: 10 new experiments, 0 existing" in first.stdout
    assert "s: 10 of 10 experiments completed (10 in this run" in first.stdout
    again = project.run("run", "s.yaml", "--workers", "2")
    assert "(0 in this run" in again.stdout
    assert "s: 0 new experiments, 10 existing" in again.stdout
    assert project.executions() == {str(x): 1 for x in range(10)}
    with SessionLocal() as session:
        for experiment in session.scalars(sql_select(Experiment)):
            x = experiment.configuration.parameters["x"]
            assert experiment.results == {"y": x * x, "seed": experiment.seed}
    project.assert_nothing_left()


def test_raising_experiment(project: Project) -> None:
    """A raising experiment is failed with its traceback; the others go on; the exit code is 1."""
    project.series(
        """
        def main(x):
            note(x)
            if x % 5 == 0:
                raise ValueError(f"cannot take {x}")
            return {"y": x}
        """
    )
    ended = project.here("run", "s.yaml", "--workers", "2", code=1)
    assert "8 of 10 experiments completed" in ended.stdout
    assert "2 failed: 2 errors; see: experiments failures s" in ended.stdout
    assert project.executions().total() == 10
    with SessionLocal() as session:
        failed = session.scalars(sql_select(Attempt).where(Attempt.outcome == "error")).all()
    assert {attempt.error_message for attempt in failed} == {"cannot take 0", "cannot take 5"}
    assert failed[0].error_type == "ValueError"
    assert failed[0].traceback is not None
    assert "target.py" in failed[0].traceback
    assert "experiments/attempt/single.py" not in failed[0].traceback  # the user's frames only


def test_bad_ends_do_not_hurt_others(project: Project) -> None:
    """sys.exit, KeyboardInterrupt, an error whose text raises, an impossible result: all contained."""
    project.series(
        """
        import datetime, pathlib
        import numpy
        class Spiteful(Exception):
            def __str__(self): raise RuntimeError("no text")
        def main(x, run):
            note(os.getpid())
            if x == 0: sys.exit(0)
            if x == 1: raise KeyboardInterrupt
            if x == 2: raise Spiteful
            if x == 3: run.log(loss=1.0); return {"kept": 1.0, "model": object(), "set": {1, 2}}
            if x == 4: return "text"
            if x == 5: return {"text": "\\0"}
            if x == 6: os.closerange(3, 5); return {"fine": True}
            if x == 7: return 3.5
            return {"v": numpy.ma.array([1, 2], mask=[1, 0]), "d": datetime.date(2026, 1, 2),
                    "p": pathlib.Path("a") / "b", "k": {1: "a"}, "z": 10**400}
        """,
        experiments=9,
    )
    ended = project.here("run", "s.yaml", "--workers", "1", code=1)
    assert "3 of 9 experiments completed" in ended.stdout
    assert "3 errors, 3 invalid result" in ended.stdout
    assert len(project.executions()) == 1  # one process survived it all
    with SessionLocal() as session:
        attempts = {
            attempt.experiment.configuration.parameters["x"]: attempt
            for attempt in session.scalars(sql_select(Attempt))
        }
        assert "sys.exit(0)" in (attempts[0].error_message or "")
        for part in ("result['model'] is of type object", "result['set'] is of type set"):
            assert part in (attempts[3].error_message or "")
        metrics = {"loss": {"last": 1.0, "min": 1.0, "max": 1.0, "count": 1}}
        assert attempts[3].partial == {"kept": 1.0, "metrics": metrics}
        assert attempts[3].experiment.results is None
        chunk = session.scalars(sql_select(MetricChunk)).one()
        assert (chunk.experiment_id, chunk.count) == (attempts[3].experiment_id, 1)
        assert attempts[7].experiment.results == {"result": 3.5}
        assert str(attempts[8].experiment.results) == str(
            {"v": [math.nan, 2], "d": "2026-01-02", "p": "a/b", "k": {"1": "a"}, "z": 10**400}
        )


def test_logs_are_kept_when_something_was_written(project: Project) -> None:
    """What Python, C code and child processes write goes to the attempt's log; silence leaves no file."""
    project.series(
        """
        import subprocess
        def main(x):
            if x == 0: print("from python")
            if x == 1: os.write(2, b"from c \\xff\\n")
            if x == 2: subprocess.run(["echo", "from a child"], check=True)
            if x == 3: print("last words"); raise ValueError
            return {}
        """,
        experiments=6,
    )
    ended = project.here("run", "s.yaml", "--workers", "2", code=1)
    assert "from" not in ended.stdout + ended.stderr
    logs = sorted(path.name for path in (project.folder / "results/s/logs").iterdir())
    assert logs == ["1-1.log", "2-1.log", "3-1.log", "4-1.log"]
    assert (project.folder / "results/s/logs/2-1.log").read_bytes() == b"from c \xff\n"
    assert "from a child" in project.here("logs", "3").stdout
    with SessionLocal() as session:
        tails = dict(session.execute(sql_select(Attempt.experiment_id, Attempt.log_tail)).all())
    assert tails[4] == "last words"
    assert tails[1] is None  # it completed


def test_context(project: Project) -> None:
    """Functions get seed, repetition and run when they ask; metrics become chunks and a summary."""
    project.write(
        "target.py",
        """
        def main(model, seed, repetition, *, run, **rest):
            assert rest == {"lr": 0.1}
            assert run.seed == seed
            for step in range(100):
                run.log(step=step, loss=1 / (step + 1))
            (run.directory / "weights.txt").write_text("42")
            return {"depth": model["depth"], "repetition": repetition, "draw": run.rng.random()}
        """,
    )
    project.write(
        "s.yaml",
        """
        name: s
        run: {function: target.py:main}
        fixed: {lr: 0.1}
        grid: {model.depth: [2, 4]}
        repeat: {seeds: 3}
        """,
    )
    project.here("run", "s.yaml", "--workers", "2")
    with SessionLocal() as session:
        rows = session.scalars(sql_select(Experiment).order_by(Experiment.id)).all()
        draws = {}
        for row in rows:
            assert row.results is not None
            assert row.results["repetition"] == row.repetition
            assert row.results["metrics"]["loss"] == {"last": 0.01, "min": 0.01, "max": 1.0, "count": 100}
            draws.setdefault(row.repetition, set()).add(row.results["draw"])
    assert [len(found) for found in draws.values()] == [1, 1, 1]  # paired: one seed per repetition
    assert len({next(iter(found)) for found in draws.values()}) == 3
    assert (project.folder / "results/s/files/1/weights.txt").read_text() == "42"


def test_timeout(project: Project) -> None:
    """An experiment that holds the interpreter lock is ended from outside, and keeps its curve."""
    project.series(
        """
        import re
        def main(x, run):
            for step in range(20): run.log(loss=step)
            if x == 1: re.match("(a+)+b", "a" * 40)
            return {"y": x}
        """,
        experiments=4,
        execute="{timeout: 3s}",  # the others take microseconds; a busy machine must not make it seconds
    )
    ended = project.here("run", "s.yaml", "--workers", "1", code=1)
    assert "1 failed: 1 timed out" in ended.stdout
    assert project.outcomes() == {"completed": 3, "timed_out": 1}
    assert [list(project.points(x).values()) for x in range(4)] == [[20]] * 4


def test_results_do_not_wait_behind_a_long_experiment(project: Project) -> None:
    """Finished results are recorded, and waiting claims go to others, while one experiment runs long.

    So is what that experiment has logged, which does nothing more that could record it.
    """
    # One worker claims the quick ones in growing batches, then gets stuck in one of a batch.
    project.series(
        """
        def main(x, run):
            note(x)
            if x == 20:
                for step in range(20): run.log(loss=step)
                tell("stuck")
                wait()
            return {"y": x}
        """,
        experiments=60,
    )
    running = project.start("run", "s.yaml", "--workers", "2")
    assert project.event() == "stuck"
    # The other worker ends when nothing is left for it; then only the stuck one is not recorded.
    until(lambda: project.statuses()["completed"] >= 59)
    assert project.statuses() == {"completed": 59, "running": 1}
    until(lambda: project.points(20) == {1: 20})
    project.open_gate()
    running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0
    assert project.points(20) == {1: 20}
    assert set(project.executions().values()) == {1}


def test_paused_while_it_runs(project: Project) -> None:
    """A pause lets the running experiment finish and ends the run; resumed, the same command goes on."""
    project.series("def main(x): note(x); x or (tell('running'), wait()); return {'y': x}")
    running = project.start("run", "s.yaml", "--workers", "1")
    try:
        assert project.event() == "running"
        project.here("edit", "s", "--pause")
        project.open_gate()
        out, err = running.communicate(timeout=PATIENCE_S)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 4, err
    assert "s: 1 of 10 experiments completed" in out
    assert "paused; 9 are left: experiments edit s --resume" in out
    project.here("run", "s.yaml", code=4)
    project.here("edit", "s", "--resume")
    assert "s: 10 of 10 experiments completed (9 in this run" in project.here("run", "s.yaml").stdout
    assert set(project.executions().values()) == {1}
    project.assert_nothing_left()


def test_serial_executor(project: Project) -> None:
    """--workers 0 runs everything in the command's own process, with the same records."""
    project.series("def main(x, seed): note(os.getppid()); return {'y': x, 'seed': seed}")
    ended = project.run("run", "s.yaml", "--workers", "0")
    assert "10 of 10 experiments completed" in ended.stdout
    assert project.executions() == {str(os.getpid()): 10}
    project.assert_nothing_left()


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_start_methods(project: Project, method: str) -> None:
    """Both start methods give the same results, string hashes included."""
    project.series("def main(x, run): return {'hash': hash('abc'), 'draw': run.rng.random()}")
    # A process of its own: the fork server of this one may be another test's, with other hashes.
    project.run("run", "s.yaml", "--workers", "2", EXPERIMENTS_START_METHOD=method)
    with SessionLocal() as session:
        found = {str(results) for results in session.scalars(sql_select(Experiment.results))}
    assert len(found) == 1
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}
    shown = subprocess.run(
        [sys.executable, "-c", "print(hash('abc'))"], env=fixed, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() in found.pop()


def test_workers_stay_light(project: Project) -> None:
    """A worker imports nothing that only the command, the graphs or the migrations need."""
    heavy = ["alembic", "click", "matplotlib", "pandas", "pydantic", "rich", "scipy"]
    project.series(f"def main(x): return {{'heavy': [name for name in {heavy} if name in sys.modules]}}")
    project.run("run", "s.yaml", "--workers", "2")
    with SessionLocal() as session:
        assert {str(results) for results in session.scalars(sql_select(Experiment.results))} == {
            "{'heavy': []}"
        }


def test_provenance(project: Project) -> None:
    """Each runner records its code's commit, arguments, packages and host, and no password."""
    project.series("def main(x): return {}", experiments=1)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(project.folder)]
    for arguments in (["init", "-q"], ["add", "target.py"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)
    project.run("run", "s.yaml", "--database", f"{project.url}?timeout=7&password=verysecret", code=None)
    project.series("def main(x): return {}", experiments=2)
    project.run("run", "s.yaml")
    with SessionLocal() as session:
        runner = session.scalars(sql_select(Runner).order_by(Runner.started_at.desc())).first()
        everything = str([vars(found) for found in session.scalars(sql_select(Runner))])
    assert runner is not None
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert runner.git_commit == head.stdout.strip()
    assert runner.git_dirty is True  # the series file is not committed
    assert runner.packages["SQLAlchemy"]
    assert runner.python_version == sys.version.split()[0]
    assert runner.arguments[1:] == ["run", "s.yaml"]
    assert "verysecret" not in everything


def test_live_display_on_a_terminal(project: Project) -> None:
    """On a terminal the progress redraws itself; workers cannot garble it."""
    project.series("def main(x):\n    print('noise')\n    time.sleep(0.1)\n    return {}", experiments=12)
    master, slave = pty.openpty()
    command = [str(Path(sys.executable).with_name("experiments")), "run", "s.yaml", "--workers", "2"]
    process = subprocess.Popen(
        command,
        cwd=project.folder,
        env={**project.environment, "TERM": "xterm", "COLUMNS": "120"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        close_fds=True,
    )
    os.close(slave)
    shown = b""
    while True:
        ready, _, _ = select.select([master], [], [], PATIENCE_S)
        assert ready
        try:
            data = os.read(master, 65536)
        except OSError:  # the terminal's other end is closed
            break
        if not data:
            break
        shown += data
    os.close(master)
    assert process.wait(PATIENCE_S) == 0
    text = shown.decode()
    assert "━" in text
    assert re.search(r"\d+/12", text)
    assert "12 of 12 experiments completed" in text
    assert "noise" not in text


def test_machine_readable_summary(project: Project) -> None:
    """--json prints the summary as data, and nothing else on stdout."""
    import json

    project.series("def main(x):\n    if x == 1: raise ValueError\n    return {}", experiments=3)
    data = json.loads(project.here("run", "s.yaml", "--json", code=1).stdout)
    assert data["after"]["completed"] == 2
    assert data["failures"] == {"error": 1}
    assert data["exit_code"] == 1
