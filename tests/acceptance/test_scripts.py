"""Running a series from Python: a worker without a supervisor, a user's script, the module."""

from __future__ import annotations

import subprocess
import sys

import pytest

from database.session.lifecycle import close_global_session
from database.settings import normalise_url, safe_url
from experiments.run_experiments import run_a_single_experiment
from tests.acceptance.project import PATIENCE_S, Project


def test_own_script_without_supervisor(project: Project) -> None:
    """run_a_single_experiment in a script registers itself and works the series to its end.

    The script has its own arguments and start method again, and is told once that its hashes are random.
    """
    project.series("def main(x): note(x); assert len(sys.argv) == 1; return {'y': x}")
    script = project.write(
        "script.py",
        """
        import multiprocessing, sys
        from experiments.run_experiments import run_a_single_experiment
        multiprocessing.set_start_method("spawn")
        print("recorded", run_a_single_experiment("s", "s.yaml"))
        print("recorded", run_a_single_experiment("s", {"results_directory": "elsewhere"}))
        print(sys.argv[1:], multiprocessing.get_start_method())
        """,
    )
    done = subprocess.run(
        [sys.executable, str(script), "--workers", "5"],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    [warned] = done.stderr.splitlines()
    assert warned.startswith("in this process strings have random hashes")
    assert done.stdout.splitlines() == ["recorded 10", "recorded 0", "['--workers', '5'] spawn"]
    assert project.executions().total() == 10
    assert project.statuses() == {"completed": 10}


def test_workers_from_a_script_without_guard(project: Project) -> None:
    """A user's script needs no ``if __name__ == "__main__"``: workers never import it.

    Nor have they the hashes of a server that the script has started.
    """
    project.series("def main(x): assert hash('abc') == int(os.environ['EXPECTED']); return {'y': x}")
    script = project.write(
        "script.py",
        """
        import os, subprocess, sys
        from multiprocessing import forkserver
        forkserver.set_forkserver_preload([])
        forkserver.ensure_running()
        fixed = {**os.environ, "PYTHONHASHSEED": "0"}
        os.environ["EXPECTED"] = subprocess.check_output(
            [sys.executable, "-c", "print(hash('abc'))"], env=fixed, text=True
        )
        from experiments.run_experiments import RunOptions, run_series
        print(run_series("s.yaml", RunOptions(workers=2)))
        """,
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout.count("10 of 10 experiments completed") == 1


def test_in_this_process(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker function can be called directly, and leaves no global session open."""
    project.series("def main(x): return {'y': x}")
    project.here("create", "s.yaml")
    monkeypatch.setenv("EXPERIMENTS_RESULTS", str(project.folder / "results"))
    assert run_a_single_experiment("s", {"database_url": project.url}) == 10
    close_global_session()
    assert project.statuses() == {"completed": 10}


def test_module_form(project: Project) -> None:
    """`python -m experiments.run_experiments FILE` does what `experiments run FILE` does."""
    project.series("def main(x): return {'y': x}")
    done = subprocess.run(
        [sys.executable, "-m", "experiments.run_experiments", "s.yaml", "--workers", "0"],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert "10 of 10 experiments completed" in done.stdout
    assert "hashes" not in done.stderr  # it has started itself again
    wrong = subprocess.run(
        [sys.executable, "-m", "experiments.run_experiments", "z"],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert wrong.returncode == 2
    place = safe_url(normalise_url(project.url))
    assert wrong.stderr.strip() == f"there is no series named 'z' in {place}; the database has: s"
