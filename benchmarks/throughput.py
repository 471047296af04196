"""Recorded no-op experiments per second, as a ratio to a process pool that records nothing.

python benchmarks/throughput.py [--experiments N] [--workers N] [--postgresql] [--isolation process]

The baseline is `ProcessPoolExecutor.map(chunksize=1)` calling the same function, warmed up. Ours is
a whole run of the series with everything on (claims, journal, captured output, records), from the
start of the first experiment to the end of the run. With `--isolation process` each experiment has
a fresh process, and the baseline is `os.fork` and `os.wait` of a process as large, one after another
in as many processes as there are workers.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from servers import embedded_postgresql
from sqlalchemy import func, select

from database.models import Attempt
from database.session.lifecycle import SessionLocal, close_global_session, configure
from experiments.run_experiments import RunOptions, run_series

TARGET = "def square(x): return {'y': x * x}\n"


def square(x: int) -> dict[str, int]:
    """Do nothing much."""
    return {"y": x * x}


def pool_rate(experiments: int, workers: int) -> float:
    """Return calls per second of a process pool without any record."""
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(square, range(1000)))
        begun = time.perf_counter()
        list(pool.map(square, range(experiments), chunksize=1))
        return experiments / (time.perf_counter() - begun)


def fork_rate(experiments: int, workers: int) -> float:
    """Return forked and ended processes per second, from processes that have loaded what workers have."""
    each = experiments // workers
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        list(pool.map(fork_often, [1] * workers))
        begun = time.perf_counter()
        list(pool.map(fork_often, [each] * workers))
        return each * workers / (time.perf_counter() - begun)


def fork_often(times: int) -> None:
    """Fork a process that does nothing, and wait for its end."""
    for _ in range(times):
        if (pid := os.fork()) == 0:
            os._exit(0)
        os.waitpid(pid, 0)


def recorded_rate(
    url: str, folder: Path, experiments: int, workers: int, *, isolation: str = "pool"
) -> float:
    """Return recorded experiments per second of a run on a fresh database."""
    (folder / "target.py").write_text(TARGET)
    os.chdir(folder)
    configure(url)
    series = {
        "name": f"noop-{time.monotonic_ns()}",
        "run": {"function": "target.py:square"},
        "grid": {"x": list(range(experiments))},
        "execute": {"isolation": isolation},
    }
    summary = run_series(series, RunOptions(workers=workers, results_directory=folder))
    ended = time.time()
    configure(url)
    with SessionLocal() as session:
        first = session.scalar(select(func.min(Attempt.started_at)))
    close_global_session()
    assert summary.after.completed == experiments
    assert first is not None
    return experiments / (ended - first.timestamp())


def compare(name: str, url: str, folder: Path, options: argparse.Namespace) -> None:
    """Print the median of the ratios of paired runs."""
    pairs = []
    for _ in range(options.repeats):
        isolated = options.isolation == "process"
        baseline = (fork_rate if isolated else pool_rate)(options.experiments, options.workers)
        folder_of_run = Path(tempfile.mkdtemp(dir=folder))
        database = url or f"sqlite:///{folder_of_run / 'experiments.db'}"
        rate = recorded_rate(
            database, folder_of_run, options.experiments, options.workers, isolation=options.isolation
        )
        pairs.append((rate, baseline))
        if url:
            break  # the tables are no longer empty
    ratio = statistics.median(ours / baseline for ours, baseline in pairs)
    ours, baseline = pairs[-1]
    what = "forks alone" if options.isolation == "process" else "pool without records"
    print(f"{name}: {ours:,.0f}/s recorded, {what} {baseline:,.0f}/s, ratio {ratio:.2f} (median)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--experiments", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--isolation", choices=["pool", "process"], default="pool")
    parser.add_argument("--postgresql", action="store_true", help="also on an embedded PostgreSQL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare("SQLite", "", folder, options)
        if options.postgresql:
            with embedded_postgresql(folder) as url:
                compare("PostgreSQL", url, folder, options)
        os.chdir("/")


if __name__ == "__main__":
    main()
