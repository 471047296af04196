"""Targets that start processes, which get functions and objects of the target's own file."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from database.models import Experiment, ExperimentSeries
from database.session.lifecycle import SessionLocal
from tests.acceptance.project import Project

TARGET = """
import concurrent.futures, multiprocessing, sys
AT_IMPORT = sys.argv[:]
loads = sys.__dict__.setdefault("FILE", [])
loads.append(1)

class Net:
    def __init__(self, n): self.n = n
    def __call__(self, x): return Net(self.n + x)

class Loader:  # as data loaders are: processes put batches into a queue
    def __init__(self, context, nets): self.context, self.nets = context, nets
    def work(self, queue, x):
        for net in self.nets: queue.put(net(x))
    def __iter__(self):
        queue = self.context.Queue()
        workers = [self.context.Process(target=Loader(None, self.nets).work, args=(queue, x)) for x in (0, 1)]
        for worker in workers: worker.start()
        for _ in self.nets * 2: yield queue.get()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0

def nested(x):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.map(Net(1), [x])

def work(x):
    if x < 3:
        pool = multiprocessing.get_context(["fork", "spawn", "forkserver"][x]).Pool(2)  # never closed
        kept.append(pool)
        return pool.map(Net(1), [0, 1])
    if x == 3:
        with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
            return [net for nets in executor.map(nested, [0, 1]) for net in nets]
    if x == 4:
        multiprocessing.set_start_method("spawn")
        return sorted(Loader(multiprocessing, [Net(1)]), key=lambda net: net.n)
    import joblib
    return joblib.Parallel(n_jobs=2)(joblib.delayed(Net(1))(y) for y in [0, 1])

kept = []
def main(x):
    assert multiprocessing.get_start_method(allow_none=True) is None
    nets = work(x % 6)
    assert all(type(net) is Net for net in nets)
    argv = list(sys.argv)
    sys.argv.append("--more")
    return {"found": [net.n for net in nets], "argv": [AT_IMPORT, argv], "loads": len(loads),
            "name": Net.__module__}
"""
#: What is run of each file. The last has its own name only where the first was not loaded.
SERIES = {
    "train.py": [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11],
    "sub/random.py": [1, 3, 4],
    "sub/my-train.py": [1, 3],
    "sub/train.py": [1, 3],
}


@pytest.mark.parametrize(
    ("method", "workers", "execute"),
    [
        ("forkserver", 2, "{preload: true}"),
        ("spawn", 2, "{isolation: process}"),
        ("forkserver", 0, "{}"),
    ],
)
def test_processes_of_targets(project: Project, method: str, workers: int, execute: str) -> None:
    """Pools, executors, processes of processes and joblib work, again and again, however a target is run."""
    for number, (file, xs) in enumerate(SERIES.items()):
        project.write(file, TARGET.replace("FILE", file))
        project.write(
            f"s{number}.yaml",
            f"{{name: s{number}, run: {{function: {file}:main}}, grid: {{x: {xs}}}, execute: {execute}}}",
        )
    names = [f"s{number}.yaml" for number in range(len(SERIES))]
    ended = project.run("run", *names, "--workers", str(workers), EXPERIMENTS_START_METHOD=method)
    own = {"train.py": "train", "sub/my-train.py": "my-train", "sub/train.py": "train"}
    for number, (file, xs) in enumerate(SERIES.items()):
        argv = [str(project.folder / file)]
        for result in _results(f"s{number}", len(xs)):
            name = result.pop("name")
            if file in {"train.py", "sub/my-train.py"} or not name.startswith("_experiments_target_"):
                assert name == own[file]
            assert result == {"found": [1, 2], "argv": [argv, argv], "loads": 1}
    logs = "".join(log.read_text() for log in project.folder.glob("results/s0/logs/*.log"))
    told = 1 if workers == 0 else 0 if "process" in execute else workers
    assert (logs + ended.stderr).count("left processes running, which were ended") in range(
        told > 0, told + 1
    )
    assert "died unexpectedly" not in logs
    project.assert_nothing_left()


def _results(series: str, experiments: int) -> list[dict[str, Any]]:
    with SessionLocal() as session:
        rows = select(Experiment).join(ExperimentSeries).where(ExperimentSeries.name == series)
        found = [dict(experiment.results or {}) for experiment in session.scalars(rows)]
    assert len(found) == experiments
    return found
