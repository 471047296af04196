"""`isolation: process`: the same results as in a pool, and whoever is killed, nothing is lost or left."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from database.models import Attempt, Experiment, ExperimentSeries, MetricChunk, Outcome
from database.session.lifecycle import SessionLocal
from tests.acceptance.project import Project, until
from tests.acceptance.test_containment import EXPECTED, HOSTILE, attempts
from tests.acceptance.test_deaths import assert_recorded_once, finish

PROCESS = "{isolation: process, retries: {crashed: 0}}"


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_hostile_experiments(project: Project, method: str) -> None:
    """Each hostile experiment ends as in a pool; it takes nobody with it, and nothing stays."""
    cases = len(EXPECTED)
    project.series(HOSTILE, experiments=2 * cases + 2, execute=PROCESS)
    project.here("run", "s.yaml", "--workers", "2", code=1, EXPERIMENTS_START_METHOD=method)
    found = attempts(project)
    for case, (outcome, kind, part) in enumerate(EXPECTED):
        ended = found[2 * case + 1]
        assert (ended.outcome.value, ended.error_type) == (outcome, kind), case
        assert part in (ended.error_message or ""), case
    for x in range(0, 2 * cases + 2, 2):
        assert found[x].outcome is Outcome.COMPLETED
    assert len({each.worker_id for each in found.values()}) <= 2  # no worker was replaced
    project.assert_nothing_left()


SAME = """
import random
import numpy
def main(x, seed, repetition, run):
    for step in range(5):
        run.log(loss=random.random() * x)
    run.log(step=9, nothing=float("nan"))
    if x == 3: raise ValueError(f"not {seed}")
    if x == 4: return {"kept": numpy.arange(2), "lock": object()}
    if x == 5: os._exit(7)
    return {"random": random.random(), "numpy": numpy.random.rand(), "rng": run.rng.random(), "seed": seed,
            "order": list({"a", "b", "c", "d", "e"}), "number": 2 ** 100, "nan": float("nan"),
            "arguments": sys.argv, "directory": run.directory.name.isdigit(), "stdout": sys.stdout.name}
"""


def told(series: str) -> dict[Any, Any]:
    """Return all that a series has recorded of its experiments, as far as it can be repeated."""
    with SessionLocal() as session:
        found: dict[Any, Any] = {}
        query = select(Experiment).join(ExperimentSeries).where(ExperimentSeries.name == series)
        for experiment in session.scalars(query):
            (last,) = [each for each in experiment.attempts if each.outcome is not Outcome.RELEASED]
            chunks = session.scalars(select(MetricChunk).where(MetricChunk.experiment_id == experiment.id))
            found[experiment.configuration.parameters["x"], experiment.repetition] = (
                repr(experiment.results),
                *(experiment.status, last.outcome, last.error_type, last.error_message, last.exit_code),
                repr(last.partial),
                sorted((chunk.metric, chunk.number, chunk.steps, chunk.readings) for chunk in chunks),
            )
        return found


def test_same_results(project: Project) -> None:
    """Pool and process, forkserver and spawn record the same results, metrics, failures and seeds."""
    found = {}
    for isolation in ("pool", "process"):
        for method in ("forkserver", "spawn"):
            name = f"{isolation}-{method}"
            file = project.series(
                SAME, experiments=8, name=name, execute=f"{{isolation: {isolation}, retries: {{crashed: 0}}}}"
            )
            file.write_text(file.read_text() + "repeat: {seeds: 2}\n")
            # A process of its own: the fork server of this one may be another test's, with other hashes.
            project.run("run", file.name, "--workers", "2", code=1, EXPERIMENTS_START_METHOD=method)
            found[name] = told(name)
    first = found.pop("pool-forkserver")
    assert len(first) == 16
    assert {name: each == first for name, each in found.items()} == dict.fromkeys(found, True)
    project.assert_nothing_left()


#: A module of which importing changes the generators, and what a function draws that imports it.
DRAWS = "import random, numpy\nrandom.random(); numpy.random.seed(1)\n"
IMPORTS = """
import random
import numpy
def main(x):
    first = random.random()
    if x > 1: import draws
    return {"drawn": [first, random.random(), numpy.random.rand()], "order": list({"a", "b", "c", "d", "e"})}
"""


def test_who_came_first(project: Project) -> None:
    """Results depend neither on which experiment of a process imports first nor on the command's hashes."""
    project.write("draws.py", DRAWS)
    found = set()
    ways = ("2", "{}"), ("3", "{isolation: process}"), ("0", "{}"), (None, "{workers: 0}")
    for number, (workers, execute) in enumerate(ways):
        project.series(IMPORTS, experiments=8, name=f"s{number}", execute=execute)
        given = [] if workers is None else ["--workers", workers]
        project.run("run", f"s{number}.yaml", *given)
        found |= {result[0] for result in told(f"s{number}").values()}
    assert len(found) == 1, found


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


#: Tells its process id when it comes to x = 3, and waits; not when it comes there again.
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


@pytest.mark.parametrize("killed", ["child", "fork server", "worker", "runner"])
def test_killed(project: Project, killed: str) -> None:
    """Whoever is killed in mid-flight, all is recorded once in the end, and no process is left."""
    project.series(WAITS_AT_3, experiments=10, execute="{isolation: process}")
    running = project.start("run", "s.yaml", "--workers", "2")
    child = int(project.event())
    server = parent_of(child)
    if killed == "child":
        until(lambda: project.points(3) == {1: 20})  # while it runs
    pids = {"child": child, "fork server": server, "worker": parent_of(server), "runner": running.pid}
    (project.folder / "calm").touch()
    os.kill(pids[killed], signal.SIGKILL)
    if killed == "fork server":
        project.open_gate()  # its child is not hurt
    said = finish(running)
    if killed == "runner":
        assert "taking over" in project.here("run", "s.yaml", "--workers", "2").stderr
    else:
        assert running.returncode == 0, said
    assert_recorded_once(project, 10)
    assert project.points(3) == ({1: 20} if killed == "fork server" else {1: 20, 2: 5})
    outcomes = project.outcomes()
    del outcomes["completed"]
    expected = {"child": {"crashed": 1}, "fork server": {}, "worker": {"crashed": 1}}
    assert outcomes == expected.get(killed, outcomes)
    if killed == "child":
        with SessionLocal() as session:
            crashed = session.scalars(select(Attempt).where(Attempt.outcome == Outcome.CRASHED)).one()
        assert crashed.signal == signal.SIGKILL
        assert crashed.error_message == "its process was killed by SIGKILL (possibly out of memory)"
    project.assert_nothing_left()


def test_one_import_many_processes(project: Project) -> None:
    """Each experiment has a process of its own, and all of a worker's come from one import."""
    project.series(
        """
        IMPORTED_BY = os.getpid()
        def main(x):
            return {"process": os.getpid(), "fork server": IMPORTED_BY, "parent": os.getppid()}
        """,
        experiments=100,
        execute="{isolation: process}",
    )
    project.here("run", "s.yaml", "--workers", "2")
    with SessionLocal() as session:
        found = [each or {} for each in session.scalars(select(Experiment.results))]
    assert len({each["process"] for each in found}) == 100
    assert len({each["fork server"] for each in found}) <= 2
    assert all(each["parent"] == each["fork server"] for each in found)


def test_limits(project: Project) -> None:
    """Time, memory and the kernel's own limit are told apart; the worker goes on."""
    # Two series: on a busy machine the memory takes longer to fill than a test of time may take.
    limits = {"time": ([0, 1], "timeout: 0.5"), "memory": ([2, 3, 4], "memory: 400MB")}
    for name, (values, limit) in limits.items():
        file = project.series(
            """
            import resource
            def main(x):
                if x == 1: time.sleep(1000)
                if x == 2:
                    hog = []
                    while True: hog.append(bytearray(10_000_000))
                if x == 3:
                    resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))
                    bytearray(1 << 40)
                return {}
            """,
            experiments=1,
            name=name,
            execute=f"{{isolation: process, {limit}}}",
        )
        file.write_text(file.read_text().replace("x: [0]", f"x: {values}"))
    project.here("run", "time.yaml", "memory.yaml", "--workers", "1", code=1)
    found = attempts(project)
    outcomes = [(found[x].outcome.value, found[x].error_type) for x in range(5)]
    assert outcomes == [
        *(("completed", None), ("timed_out", None), ("out_of_memory", None)),
        *(("error", "MemoryError"), ("completed", None)),
    ]
    assert (found[2].error_message or "").endswith("MB, more than execute.memory = 400 MB")
    assert len({each.worker_id for each in found.values()}) == 2  # one for each series
    project.assert_nothing_left()


@pytest.mark.parametrize("handles", [False, True])
def test_terminated_runner(project: Project, handles: bool) -> None:
    """A stopped runner ends the children with SIGTERM, without blame, whatever they make of it."""
    project.series(
        f"""
        import signal
        def stop(*_): raise ValueError("stopped")
        def main(x):
            if {handles}: signal.signal(signal.SIGTERM, stop)
            tell(os.getpid())
            time.sleep(1000)
        """,
        experiments=3,
        execute="{isolation: process}",
    )
    running = project.start("run", "s.yaml", "--workers", "1", "--grace", "0.1")
    project.event()
    running.terminate()
    finish(running)
    assert running.returncode == 143
    assert project.outcomes() == {"interrupted": 1}
    assert project.statuses() == {"pending": 3}
    project.assert_nothing_left()


def test_terminated_worker(project: Project) -> None:
    """A worker that is told by SIGTERM to end ends its child too, without blame, and is replaced."""
    project.series(WAITS_AT_3, experiments=6, execute="{isolation: process}")
    running = project.start("run", "s.yaml", "--workers", "1")
    child = int(project.event())
    (project.folder / "calm").touch()
    os.kill(parent_of(parent_of(child)), signal.SIGTERM)
    finish(running)
    assert running.returncode == 0
    assert_recorded_once(project, 6)
    assert project.outcomes() == {"completed": 6, "interrupted": 1}
    assert project.points(3) == {1: 20, 2: 5}
    project.assert_nothing_left()


def test_target_that_ends_its_process_when_imported(project: Project) -> None:
    """Fork servers that die one after another end the run with what they died of; no experiment is blamed."""
    project.series(
        """
        if sys.stdout.name == 1:  # in a worker's fork server
            os._exit(9)
        def main(x): return {}
        """,
        execute="{isolation: process}",
    )
    ended = project.here("run", "s.yaml", "--workers", "2", code=4)
    assert "5 workers in a row died before they started an experiment" in ended.stderr
    assert "exited with code 9" in ended.stderr
    assert project.statuses() == {"pending": 10}
    project.assert_nothing_left()


def test_preload(project: Project) -> None:
    """With execute.preload the workers of a pool have one import, made where they were forked from."""
    project.series(
        """
        print("importing")
        IMPORTED_BY = os.getpid()
        def main(x):
            time.sleep(0.05)
            return {"by": IMPORTED_BY, "here": os.getpid()}
        """,
        experiments=8,
        execute="{preload: true}",
    )
    ended = project.run("run", "s.yaml", "--workers", "2", "--json")
    assert "importing" not in ended.stdout
    with SessionLocal() as session:
        found = [each or {} for each in session.scalars(select(Experiment.results))]
    (imported_by,) = {each["by"] for each in found}
    assert imported_by not in {each["here"] for each in found}
