"""Whatever dies in the middle: workers, the runner, both; Ctrl-C and SIGTERM; two runners at once."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import select

from database.models import Attempt, Experiment, Outcome
from database.session.lifecycle import SessionLocal
from experiments.supervisor import restart_backoff
from tests.acceptance.project import PATIENCE_S, Project, hear, until

RECORDS = "def main(x):\n    note(x)\n    return {'y': x}"
#: Tells its process id when it comes to x = 3 and has logged, and waits.
WAITS_AT_3 = """
def main(x, run):
    note(x)
    if x == 3 and not os.path.exists(os.path.join(HERE, "calm")):
        for step in range(20): run.log(loss=step)
        tell(os.getpid())
        wait()
    elif x == 3:
        for step in range(5): run.log(loss=step)
    return {"y": x}
"""


def assert_recorded_once(project: Project, experiments: int) -> None:
    """Every experiment has its right value, exactly one completed attempt, and nothing is stuck."""
    assert project.statuses() == {"completed": experiments}
    with SessionLocal() as session:
        for experiment in session.scalars(select(Experiment)):
            assert experiment.results is not None
            assert experiment.results["y"] == experiment.configuration.parameters["x"]
            completed = [a for a in experiment.attempts if a.outcome is Outcome.COMPLETED]
            assert len(completed) == 1
            assert experiment.worker_id is None


def has_killed_worker(project: Project) -> bool:
    """Kill one of the workers that have begun; False when none of them lives at this moment."""
    for worker in set(map(int, project.executions())) & set(project.processes()):
        try:
            os.kill(worker, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it had nothing left to do
        return True
    return False


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=PATIENCE_S)
    return out + err


def test_killed_while_it_checks(project: Project) -> None:
    """A command that is killed while it looks at a target takes the process that imports it with it."""
    project.series("tell(os.getpid())\nwait()")
    running = project.start("run", "s.yaml")
    project.event()
    running.kill()
    finish(running)
    project.assert_nothing_left()


def test_killed_worker(project_on_both: Project) -> None:
    """A worker killed in mid-flight is replaced, and its experiment tried again with the cause recorded."""
    project = project_on_both
    project.series(WAITS_AT_3, experiments=30)
    running = project.start("run", "s.yaml", "--workers", "2")
    worker = int(project.event())
    (project.folder / "calm").touch()
    os.kill(worker, signal.SIGKILL)
    said = finish(running)
    assert running.returncode == 0, said
    assert_recorded_once(project, 30)
    assert project.executions() == {str(x): 2 if x == 3 else 1 for x in range(30)}
    with SessionLocal() as session:
        crashed = session.scalars(select(Attempt).where(Attempt.outcome == Outcome.CRASHED)).one()
    assert crashed.signal == signal.SIGKILL
    assert crashed.error_message == "its process was killed by SIGKILL (possibly out of memory)"
    assert project.points(3) == {1: 20, 2: 5}
    project.assert_nothing_left()


def test_killed_runner(project_on_both: Project) -> None:
    """Workers die with a killed runner; the same command goes on at once, and nothing is stuck or doubled."""
    project = project_on_both
    project.series(WAITS_AT_3, experiments=30)
    running = project.start("run", "s.yaml", "--workers", "2")
    project.event()
    running.kill()
    finish(running)
    until(lambda: not project.processes())  # the kernel kills them when the runner's pipe is closed
    (project.folder / "calm").touch()
    ended = project.here("run", "s.yaml", "--workers", "2")
    assert "taking over from a runner that died" in ended.stderr
    assert_recorded_once(project, 30)
    # What ran when the runner died is not blamed; the other worker may have been in an experiment too.
    assert project.outcomes()["lost"] in {1, 2}
    assert project.outcomes()["crashed"] == 0
    assert project.executions()["3"] == 2
    assert project.points(3) == {1: 20, 2: 5}
    project.assert_nothing_left()


@pytest.mark.parametrize("kills", [4])
def test_kills_at_random_moments(project_on_both: Project, kills: int) -> None:
    """Workers and runners killed again and again: every experiment is recorded once in the end."""
    project = project_on_both
    project.series(
        """
        def main(x):
            note(os.getpid())
            if x == 599 and not os.path.exists(os.path.join(HERE, "calm")):
                wait()  # no runner comes to its end before it is killed, however late that is
            time.sleep(0.002)
            return {"y": x}
        """,
        experiments=600,
    )
    project.here("create", "s.yaml")
    for number in range(kills):
        earlier = project.executions()
        running = project.start("run", "s.yaml", "--workers", "2", "--grace", "0.2")
        until(lambda earlier=earlier: project.executions().keys() - earlier.keys())
        if number % 2:
            running.kill()
        else:
            until(lambda: has_killed_worker(project))
            running.terminate()
        finish(running)
    (project.folder / "calm").touch()
    project.here("run", "s.yaml", "--workers", "2")
    assert_recorded_once(project, 600)
    project.assert_nothing_left()


def test_poison(project: Project) -> None:
    """An experiment that always kills its process ends as failed after three attempts; the rest is done."""
    project.series(
        """
        def main(x):
            note(x)
            if x == 2: os._exit(0)
            if x == 4: os.kill(os.getpid(), 11)
            return {"y": x}
        """,
        experiments=8,
    )
    ended = project.here("run", "s.yaml", "--workers", "2", code=1)
    assert "2 failed: 2 crashed" in ended.stdout
    assert project.statuses() == {"completed": 6, "failed": 2}
    assert project.executions() == {str(x): 3 if x in {2, 4} else 1 for x in range(8)}


def test_interrupt_finishes_what_runs(project: Project) -> None:
    """Ctrl-C lets the running experiment end, gives back the rest, and exits with 130; run goes on later."""
    project.series(WAITS_AT_3)
    running = project.start("run", "s.yaml", "--workers", "1")
    project.event()
    running.send_signal(signal.SIGINT)
    hear(running, "finishing what runs")  # said after the worker was told
    project.open_gate()
    said = finish(running)
    assert running.returncode == 130
    assert "stopped; 6 are left: the same command resumes them" in said
    assert project.statuses() == {"completed": 4, "pending": 6}
    assert project.outcomes() == {"completed": 4}
    project.assert_nothing_left()
    project.here("run", "s.yaml", "--workers", "1")
    assert set(project.executions().values()) == {1}


def test_second_interrupt_stops_at_once(project: Project) -> None:
    """A second Ctrl-C ends running experiments without blame; they are pending again."""
    project.series(WAITS_AT_3)
    running = project.start("run", "s.yaml", "--workers", "1")
    project.event()
    running.send_signal(signal.SIGINT)
    hear(running, "Ctrl-C again stops at once")
    running.send_signal(signal.SIGINT)
    finish(running)
    assert running.returncode == 130
    assert project.statuses() == {"completed": 3, "pending": 7}
    assert project.outcomes() == {"completed": 3, "interrupted": 1}
    project.assert_nothing_left()


def test_terminate_has_a_deadline(project: Project) -> None:
    """SIGTERM waits for the grace time only, and exits with 143."""
    project.series(WAITS_AT_3)
    running = project.start("run", "s.yaml", "--workers", "1", "--grace", "0.2")
    project.event()
    running.terminate()
    finish(running)
    assert running.returncode == 143
    assert project.outcomes() == {"completed": 3, "interrupted": 1}
    project.assert_nothing_left()


def test_serial_interrupt(project: Project) -> None:
    """Without workers Ctrl-C reaches the experiment itself, which is pending again."""
    project.series(WAITS_AT_3)
    running = project.start("run", "s.yaml", "--workers", "0")
    assert int(project.event()) == running.pid
    running.send_signal(signal.SIGINT)
    finish(running)
    assert running.returncode == 130
    assert project.statuses() == {"completed": 3, "pending": 7}
    assert project.outcomes() == {"completed": 3, "interrupted": 1}
    assert project.points(3) == {1: 20}
    project.assert_nothing_left()


def test_killed_serial_runner(project: Project) -> None:
    """What a killed serial runner had finished is recorded from its journal, not run again.

    What its experiment has logged is recorded while that runs.
    """
    project.series(WAITS_AT_3)
    running = project.start("run", "s.yaml", "--workers", "0")
    project.event()
    until(lambda: project.points(3) == {1: 20})
    running.kill()
    finish(running)
    (project.folder / "calm").touch()
    project.here("run", "s.yaml", "--workers", "2")
    assert_recorded_once(project, 10)
    assert project.executions() == {str(x): 2 if x == 3 else 1 for x in range(10)}
    assert project.points(3) == {1: 20, 2: 5}


def test_two_runners_share_a_series(project_on_both: Project) -> None:
    """Two runners started at once create and work one series; no experiment runs twice."""
    project = project_on_both
    project.series(
        """
        def main(x):
            note(x)
            meet(4)  # both runners, with two workers each, however late one of them is
            time.sleep(0.005)
            return {"y": x}
        """,
        experiments=300,
    )
    runners = [project.start("run", "s.yaml", "--workers", "2") for _ in range(2)]
    said = [finish(runner) for runner in runners]
    assert [runner.returncode for runner in runners] == [0, 0], said
    assert_recorded_once(project, 300)
    assert project.executions() == {str(x): 1 for x in range(300)}
    with SessionLocal() as session:
        assert len(set(session.scalars(select(Attempt.worker_id)))) >= 4
    project.assert_nothing_left()


def test_workers_that_cannot_start(project: Project) -> None:
    """A target that fails in every worker stops the run with its message, and leaves all pending."""
    project.series(
        """
        if os.getsid(0) == os.getpid() and "EXPERIMENTS_RESULTS" in os.environ and sys.stdout.name == 1:
            raise RuntimeError("no licence")
        def main(x): return {}
        """
    )
    ended = project.run("run", "s.yaml", "--workers", "2", code=4)
    assert "5 workers in a row died before they started an experiment" in ended.stderr
    assert "no licence" in ended.stderr
    assert project.statuses() == {"pending": 10}
    project.assert_nothing_left()


def test_workers_that_finish_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Experiments that all end their workers end the run, too: what they ran is charged, the rest pending."""
    monkeypatch.setattr(restart_backoff, "_LEAST_MAX_DEATHS", 3)
    monkeypatch.setattr(restart_backoff, "_MAX_DEATHS_PER_WORKER", 3)
    project.series(
        """
        def main(x):
            sys.stderr.write("no licence")
            sys.stderr.flush()
            os._exit(3)
        """,
        experiments=5,
        execute="{retries: {crashed: 0}}",
    )
    ended = project.here("run", "s.yaml", "--workers", "1", code=4)
    assert (
        "3 workers in a row died, and none of them finished an experiment; fix what ends them" in ended.stderr
    )
    assert "The last one: exited with code 3\nno licence" in ended.stderr
    assert project.statuses() == {"failed": 3, "pending": 2}
    assert project.outcomes() == {"crashed": 3}
    project.assert_nothing_left()


def test_long_path_of_temporary_files(project: Project) -> None:
    """Where no socket fits in the run ends at once with what to do, and leaves all pending."""
    project.series(RECORDS)
    project.environment["TMPDIR"] = str(project.folder / ("x" * 100))
    (project.folder / ("x" * 100)).mkdir()
    ended = project.run("run", "s.yaml", "--workers", "2", code=2)
    assert f"{'x' * 100}, is too long for a socket; set TMPDIR to a folder with a short one" in ended.stderr
    assert project.statuses() == {"pending": 10}
    project.assert_nothing_left()


def test_killed_server_of_new_processes(project: Project) -> None:
    """When the server that workers are forked from dies, new workers come from another one."""
    project.series(WAITS_AT_3, experiments=30)
    running = project.start("run", "s.yaml", "--workers", "2")
    project.event()
    [server] = [
        pid for pid in project.processes() if b"forkserver" in command_of(pid) and leads(pid, running.pid)
    ]
    (project.folder / "calm").touch()
    os.kill(server, signal.SIGKILL)
    said = finish(running)
    assert running.returncode == 0, said
    assert_recorded_once(project, 30)
    project.assert_nothing_left()


def test_timeouts_do_not_wait_for_an_import(project: Project) -> None:
    """While a new server imports the target, no worker runs whose timeout could be late."""
    project.series(
        f"if os.path.exists(os.path.join(HERE, 'calm')): wait()\n{WAITS_AT_3}",
        experiments=30,
        execute="{preload: true}",
    )
    running = project.start("run", "s.yaml", "--workers", "2")
    project.event()
    [server] = [
        pid for pid in project.processes() if b"forkserver" in command_of(pid) and leads(pid, running.pid)
    ]
    workers = [pid for pid in project.processes() if os.getsid(pid) == pid]
    assert workers
    (project.folder / "calm").touch()
    os.kill(server, signal.SIGKILL)
    until(lambda: not set(workers) & set(project.processes()))
    project.open_gate()  # the new server waits at it: the workers died before it had imported anything
    said = finish(running)
    assert running.returncode == 0, said
    assert_recorded_once(project, 30)
    project.assert_nothing_left()


def command_of(pid: int) -> bytes:
    """Return the command line of a process; empty when it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


def leads(pid: int, runner: int) -> bool:
    """Whether a process is a child of the runner."""
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]) == runner


def test_temporary_files_of_a_killed_runner(project: Project) -> None:
    """The temporary folder that a killed runner leaves goes when it is taken over from."""
    with tempfile.TemporaryDirectory(prefix="t") as temporary:  # sockets' paths must be short
        project.environment["TMPDIR"] = temporary
        project.series(WAITS_AT_3)
        running = project.start("run", "s.yaml", "--workers", "1")
        project.event()
        running.kill()
        finish(running)
        assert list(Path(temporary).iterdir())
        (project.folder / "calm").touch()
        project.run("run", "s.yaml", "--workers", "1")
        assert not list(Path(temporary).iterdir())


def test_children_of_a_killed_experiment(project: Project) -> None:
    """What a timed-out experiment started dies with it."""
    project.series(
        """
        import subprocess
        def main(x):
            subprocess.run(["sleep", "1000"])
        """,
        experiments=1,
        execute="{timeout: 0.5}",
    )
    project.here("run", "s.yaml", "--workers", "1", code=1)
    assert project.outcomes() == {"timed_out": 1}
    project.assert_nothing_left()
