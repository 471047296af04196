"""How many threads numerical libraries have, in every way of running."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from sqlalchemy import select

from database.models import Attempt, Experiment
from database.session.lifecycle import SessionLocal
from experiments.processes.thread_limits import cores, threads_in_force
from tests.acceptance.project import Project


@pytest.fixture(autouse=True)
def _without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.endswith("_THREADS")]:
        monkeypatch.delenv(name)


#: The last digits of the eigenvalues of a matrix of this size depend on the number of threads.
EIGENVALUES = """
import hashlib
def main(x):
    import numpy, scipy.linalg, threadpoolctl
    matrix = numpy.random.default_rng(x).normal(size=(130, 130))
    values = numpy.linalg.eigvalsh(matrix + matrix.T), scipy.linalg.eigvalsh(matrix + matrix.T)
    said = os.environ["OMP_NUM_THREADS"]
    if x == 0:
        threadpoolctl.threadpool_limits(5)  # the next experiment must not have that
    return {"values": [hashlib.sha256(each.tobytes()).hexdigest() for each in values], "said": said}
"""


def attempts(series: str) -> dict[int, tuple[Any, int | None]]:
    """Return results and threads of each experiment's attempt."""
    with SessionLocal() as session:
        return {
            attempt.experiment.configuration.parameters["x"]: (attempt.experiment.results, attempt.threads)
            for attempt in session.scalars(select(Attempt).join(Experiment))
            if attempt.experiment.series.name == series
        }


def test_results_do_not_depend_on_workers(project: Project) -> None:
    """Eigenvalues are bit-equal with 1 and 2 workers, in pool, process and serial, which leaves no trace."""
    found, before = [], threads_in_force()
    for name, workers, isolation in (
        ("a", 1, "pool"),
        ("b", 2, "pool"),
        ("c", 2, "process"),
        ("d", 0, "pool"),
    ):
        project.series(EIGENVALUES, experiments=3, execute=f"{{isolation: {isolation}}}", name=name)
        project.here("run", f"{name}.yaml", "--workers", str(workers))
        found.append(attempts(name))
    assert found == [found[0]] * 4
    assert (threads_in_force(), os.environ.get("OMP_NUM_THREADS")) == (before, None)
    assert {results["said"] for results, _ in found[0].values()} == {"1"}
    assert {x: threads for x, (_, threads) in found[0].items()} == {0: 5, 1: 1, 2: 1}
    assert len({results["values"][0] for results, _ in found[0].values()}) == 3


def test_variables_of_the_user(project: Project) -> None:
    """They apply in every way of running, are told and recorded; other numbers than before are told too."""
    code = """
        def main(x):
            import numpy
            return {"variable": os.environ.get("OPENBLAS_NUM_THREADS")}
    """
    for count, (workers, isolation) in enumerate(((1, "pool"), (1, "process"), (0, "pool")), start=1):
        project.series(code, experiments=count, execute=f"{{isolation: {isolation}, threads: 64}}")
        ended = project.here("run", "s.yaml", "--workers", str(workers), OMP_NUM_THREADS="1")
        assert ended.stderr.count("OMP_NUM_THREADS=1 is set: numerical libraries use that, and not ") == 1
    assert attempts("s") == {x: ({"variable": None}, 1) for x in range(3)}
    project.series(code, experiments=4, execute="{threads: 64}")
    ended = project.here("run", "s.yaml", "--workers", "1", "--progress", "json")
    assert attempts("s")[3] == ({"variable": "64"}, cores())
    told = [line["text"] for line in map(json.loads, ended.stderr.splitlines()) if line["event"] == "message"]
    assert any("s: 3 completed experiments ran with 1 thread of" in text for text in told) == (cores() > 1)


def test_threads_of_an_experiment(project: Project) -> None:
    """OpenMP counts for each thread: those that experiments start have one, also of a preloaded library."""
    code = """
        import threadpoolctl, sklearn.cluster
        from concurrent.futures import ThreadPoolExecutor
        def openmp():
            loaded = threadpoolctl.threadpool_info()
            return [one["num_threads"] for one in loaded if one["user_api"] == "openmp"]
        def main(x):
            with ThreadPoolExecutor(1) as pool:
                return {"numbers": pool.submit(openmp).result() + openmp()}
    """
    project.series(code, experiments=1, execute="{preload: true}")
    project.run("run", "s.yaml", "--workers", "1")
    assert attempts("s") == {0: ({"numbers": [1, 1]}, 1)}
