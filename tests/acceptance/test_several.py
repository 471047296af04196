"""Several series in one run: checked and recorded together, worked by priority; and a rename meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest
from sqlalchemy import select

from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal
from tests.acceptance.project import PATIENCE_S, Project, hear

NOTES = "def main(x, of):\n    note(of)\n    return {'y': x}"
#: The series "a" waits at its first experiment.
WAITS_IN_A = """
def main(x, of):
    note(of)
    print("of", of)
    if of == "a" and x == 0:
        tell(os.getpid())
        wait()
    return {"y": x}
"""


def write_series(project: Project, code: str, names: str, *, experiments: int = 2) -> list[str]:
    """Write a target and a file for each of the series, whose experiments know of which they are."""
    project.series(code)
    values = ", ".join(map(str, range(experiments)))
    for name in names:
        project.write(
            f"{name}.yaml",
            f"""
            name: {name}
            run: {{function: target.py:main}}
            fixed: {{of: {name}}}
            grid: {{x: [{values}]}}
            """,
        )
    return [f"{name}.yaml" for name in names]


def order(project: Project) -> list[str]:
    """Return of which series experiments were run, one after another."""
    return list(dict.fromkeys((project.folder / "journal").read_text().split()))


def recorded() -> set[str]:
    with SessionLocal() as session:
        return set(session.scalars(select(ExperimentSeries.name)))


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        return process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()


def test_order(project: Project) -> None:
    """The highest priority is worked first, ties in the order given; each has its summary."""
    files = write_series(project, NOTES, "abcd")
    project.here("create", *files)
    project.here("edit", "c", "--priority", "5")
    project.here("edit", "d", "--priority", "-1")
    ended = project.here("run", "d", "b.yaml", "a", "c.yaml", "b", "--workers", "1")
    assert order(project) == ["c", "b", "a", "d"]
    told = [line for line in ended.stdout.splitlines() if "completed" in line]
    assert [line.partition(" (")[0] for line in told] == [
        f"{name}: 2 of 2 experiments completed" for name in "cbad"
    ]
    assert project.executions() == dict.fromkeys("abcd", 2)
    project.assert_nothing_left()


def test_priority_changed_meanwhile(project: Project) -> None:
    """What is edited while the first series is worked counts for the next one."""
    files = write_series(project, WAITS_IN_A, "abc")
    running = project.start("run", *files, "--workers", "1")
    project.event()
    project.here("edit", "c", "--priority", "1")
    project.open_gate()
    out, err = finish(running)
    assert running.returncode == 0, err
    assert order(project) == ["a", "c", "b"]
    assert out.index("c: 2 of 2") < out.index("b: 2 of 2")


def test_everything_is_checked_first(project: Project) -> None:
    """A wrong file, an unknown name, another target or a name used twice: nothing is written, exit code 2."""
    a, b = write_series(project, NOTES, "ab")
    project.write("bad.yaml", "name: bad\nrun: {function: target.py:mian}\n")
    assert "bad.yaml:2: run.function" in project.here("run", a, "bad.yaml", code=2).stderr
    assert not recorded()
    project.write("twin.yaml", (project.folder / a).read_text().replace("x: [0, 1]", "x: [7]"))
    told = project.here("run", a, "twin.yaml", code=2).stderr
    assert "a.yaml and twin.yaml both describe the series a" in told
    assert not recorded()
    project.here("create", b)
    assert "no series named 'z'" in project.here("run", a, "z", code=2).stderr
    project.write("target.py", "def main(x, of): return {}\ndef other(x, of): return {}\n")
    (project.folder / b).write_text((project.folder / b).read_text().replace(":main", ":other"))
    assert "results of two functions must not mix" in project.here("run", a, b, code=2).stderr
    assert recorded() == {"b"}


def test_no_database_is_made_for_a_name(project: Project) -> None:
    """With a name there must be a database already: none is made to find nothing in it."""
    [file] = write_series(project, NOTES, "a")
    url = f"sqlite:///{project.folder}/none.db"
    project.run("run", file, "z", code=3, EXPERIMENTS_DATABASE_URL=url)
    assert not (project.folder / "none.db").exists()


def test_paused_series_is_left_out(project: Project) -> None:
    """A paused series is left out with a note and exit code 4; one that is resumed in time is worked."""
    files = write_series(project, WAITS_IN_A, "abc")
    project.here("create", *files)
    project.here("edit", "b", "--pause", "--priority", "9")
    project.here("edit", "c", "--pause", "--priority", "9")
    running = project.start("run", *files, "--workers", "1")
    project.event()
    project.here("edit", "c", "--resume")
    project.open_gate()
    out, err = finish(running)
    assert running.returncode == 4, err
    assert order(project) == ["a", "c"]
    last = out.splitlines()[-1]
    assert last.startswith("b: is paused (last changed by ")
    assert last.endswith("`experiments edit b --resume` resumes it")


def test_worst_exit_code(project: Project) -> None:
    """Failed experiments of one series stop no other, and make the exit code 1; JSON tells all of it."""
    files = write_series(
        project, "def main(x, of):\n    note(of)\n    if of == 'a': raise ValueError\n    return {}", "ab"
    )
    data = json.loads(project.here("run", *files, "--json", code=1).stdout)
    assert [(run["series"], run["exit_code"]) for run in data["runs"]] == [("a", 1), ("b", 0)]
    assert (data["left_out"], data["exit_code"]) == ([], 1)
    project.here("edit", "b", "--pause")
    data = json.loads(project.here("run", *files, "--json", code=4).stdout)
    assert [run["exit_code"] for run in data["runs"]] == [1]
    assert [one["series"] for one in data["left_out"]] == ["b"]


def test_workers_that_cannot_start_stop_only_their_series(project: Project) -> None:
    """A series whose workers die before they begin is left out with what they say; the others are run."""
    files = write_series(project, NOTES, "b")
    project.write(
        "broken.py",
        "import sys\nif 'experiments.worker.loop' in sys.modules: raise OSError('no licence')\n"
        "def main(x): return {}\n",
    )
    project.write("a.yaml", "name: a\nrun: {function: broken.py:main}\ngrid: {x: [1]}\n")
    ended = project.run("run", "a.yaml", *files, "--workers", "1", code=4)
    assert "b: 2 of 2 experiments completed" in ended.stdout
    assert "a: 5 workers in a row died" in ended.stdout
    assert "no licence" in ended.stdout
    project.assert_nothing_left()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_stops_them_all(project: Project, number: signal.Signals, code: int) -> None:
    """A signal lets the running experiment end and begins no other series; the same command goes on."""
    files = write_series(project, WAITS_IN_A, "ab")
    running = project.start("run", *files, "--workers", "1", "--grace", str(PATIENCE_S))
    project.event()
    running.send_signal(number)
    hear(running, "finishing what runs")
    project.open_gate()
    out, err = finish(running)
    assert running.returncode == code, err
    assert "stopped; 1 is left: the same command resumes it" in out
    assert out.splitlines()[-1] == "b: not begun: the same command resumes it"
    assert project.executions() == {"a": 1}
    project.here("run", *files, "--workers", "1")
    assert project.executions() == {"a": 2, "b": 2}
    project.assert_nothing_left()


def test_renamed_while_it_runs(project: Project) -> None:
    """A series renamed during a run, and its old name taken, ends well; its logs are found, and deleted."""
    [file] = write_series(project, WAITS_IN_A, "a", experiments=4)
    running = project.start("run", file, "--workers", "1")
    first = project.event()
    renamed = project.here("edit", "a", "--name", "study")
    assert "change `name: a` in its series file (in " in renamed.stderr
    assert "running it creates a new series a" in renamed.stderr
    assert "a: 4 new" in project.here("create", file).stdout  # another series of the old name
    (project.folder / "calm").touch()
    project.open_gate()
    out, err = finish(running)
    assert running.returncode == 0, err
    assert "study: 4 of 4 experiments completed (4 in this run" in out
    assert project.executions() == {"a": 4}
    assert first
    assert project.statuses() == {"completed": 4, "pending": 4}
    shown = json.loads(project.here("status", "study", "--json").stdout)
    assert (shown["folder"], shown["completed"]) == ("a", 4)
    assert json.loads(project.here("status", "a", "--json").stdout)["folder"] == "a-2"
    log = json.loads(project.here("logs", "1", "--json").stdout)
    assert (log["path"], log["text"]) == (f"{project.folder}/results/a/logs/1-1.log", "of a\n")
    project.here("delete", "study", "--yes")
    assert not (project.folder / "results/a").exists()
    project.assert_nothing_left()


def test_worker_started_after_a_rename(project: Project) -> None:
    """A worker that replaces a dead one after a rename works the same series; so does the new name."""
    [file] = write_series(
        project, WAITS_IN_A.replace("and x == 0", "and x == 0 and not os.path.exists(HERE + '/calm')"), "a"
    )
    running = project.start("run", file, "--workers", "1")
    worker = int(project.event())
    project.here("edit", "a", "--name", "study")
    (project.folder / "calm").touch()
    os.kill(worker, signal.SIGKILL)
    out, err = finish(running)
    assert running.returncode == 0, err
    assert "study: 2 of 2 experiments completed" in out
    (project.folder / file).write_text((project.folder / file).read_text().replace("name: a", "name: study"))
    again = project.here("run", file)
    assert "study: 0 new experiments, 2 existing" in again.stdout
    assert "study: 2 of 2 experiments completed (0 in this run" in project.here("run", "study").stdout
    assert recorded() == {"study"}


def test_log_of_a_dead_runner_goes_to_its_own_series(project: Project) -> None:
    """Whoever takes over from a dead runner keeps its last output with the series that it ran."""
    files = write_series(project, WAITS_IN_A, "ab")
    running = project.start("run", "a.yaml", "--workers", "1")
    project.event()
    running.kill()
    finish(running)
    project.here("run", files[1], "--workers", "1")
    assert project.outcomes() == {"completed": 2, "lost": 1}
    assert (project.folder / "results/a/logs/1-1.log").read_text() == "of a\n"
    assert not (project.folder / "results/b/logs/1-1.log").exists()
