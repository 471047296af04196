"""What grows with a series: claiming, recording and status from 1,000 to 1,000,000 experiments.

python benchmarks/scale.py [--postgresql] [--largest N] [--picture FILE]

Each size is a series of its own in one fresh database, half of it completed. Measured are one cycle
of a worker (record 10 finished experiments and claim the next 10, committed) and what `status`
asks; each as the median of repeats, and as a ratio to the smallest size. Besides: the memory of a
runner early and late in a run of many short experiments, and what the runner adds to experiments of
one second.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from servers import embedded_postgresql
from sqlalchemy import select, text
from throughput import TARGET

from database import counters
from database.claims import protocol, runners
from database.claims.runners import Provenance
from database.claims.types import Claim, ClaimRequest, Finished, RetryPolicy
from database.models import Attempt, Outcome
from database.queries.series_status import series_statuses
from database.session.lifecycle import SessionLocal, close_global_session, configure, scoped_session
from experiments.creation import create_series

BATCH = 10
CYCLES = 100
LOOKS = 21
SIZES = (1_000, 10_000, 100_000, 1_000_000)


def measure(sizes: list[int]) -> dict[str, list[float]]:
    """Return the milliseconds of a claim cycle and of a status, by size."""
    found: dict[str, list[float]] = defaultdict(list)
    for size in sizes:
        series_id = filled(size)
        found["claim and record 10"].append(claim_cycle_ms(series_id))
        found["status"].append(status_ms(series_id))
    return found


def filled(size: int) -> int:
    """Create a series whose first half is completed, and return its id."""
    with scoped_session() as session:
        created = create_series(
            session,
            {
                "name": f"scale-{size}",
                "run": {"function": "target.py:square"},
                "grid": {"x": list(range(size))},
            },
        )
    with scoped_session() as session:
        session.execute(
            text(
                "UPDATE experiment SET status = 'completed', finished_at = CURRENT_TIMESTAMP "
                "WHERE series_id = :series AND position < :half"
            ),
            {"series": created.series_id, "half": size // 2},
        )
        counters.recount(session, created.series_id)
    with SessionLocal() as session:
        connection = session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        # The server would clear away half a series of old rows by itself, in the middle of a measurement.
        clear = "VACUUM (ANALYZE)" if connection.dialect.name == "postgresql" else "ANALYZE"
        session.execute(text(clear))
    return created.series_id


def claim_cycle_ms(series_id: int) -> float:
    """Return the median time of recording a batch and claiming the next."""
    with SessionLocal() as session:
        runner_id, worker_id = runners.new_id(), runners.new_id()
        runners.register_runner(session, runner_id, Provenance(), None)
        runners.register_worker(session, runner_id, worker_id)
        session.commit()
        request, policy = ClaimRequest(series_id, claims=BATCH), RetryPolicy()
        held: tuple[Claim, ...] = ()
        times = []
        for _ in range(min(CYCLES, 400 // BATCH)):
            now = time.time()
            finished = [
                Finished(
                    each.experiment_id,
                    each.attempt_number,
                    Outcome.COMPLETED,
                    started_at=now,
                    finished_at=now,
                    results="{}",
                )
                for each in held
            ]
            begun = time.perf_counter()
            held = protocol.record_and_claim(
                session, worker_id, finished, request=request, policy=policy
            ).claims
            session.commit()
            times.append(1000 * (time.perf_counter() - begun))
        return statistics.median(times[1:])


def status_ms(series_id: int) -> float:
    """Return the median time of what `experiments status SERIES` asks."""

    def look() -> None:
        with scoped_session(read_only=True) as session:
            series_statuses(session, [series_id])

    return statistics.median(timed_ms(look) for _ in range(LOOKS))


def timed_ms(work: Callable[[], None]) -> float:
    """Return how long `work` takes."""
    begun = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begun)


def print_growth(database: str, sizes: list[int], found: dict[str, list[float]]) -> None:
    """Print a row for each size."""
    for what, times in found.items():
        print(f"{database}, {what}:")
        for size, taken in zip(sizes, times, strict=True):
            print(f"  {size:>9,} experiments  {taken:8.2f} ms  x {taken / times[0]:.2f}")


def draw(path: Path, sizes: list[int], found: dict[str, dict[str, list[float]]]) -> None:
    """Draw the times against the size."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
    markers = itertools.cycle("osD^")
    for database, times in found.items():
        for what, taken in times.items():
            axes.plot(sizes, taken, marker=next(markers), label=f"{what}, {database}")
    axes.set(xscale="log", yscale="log", xlabel="experiments in the series", ylabel="time in ms")
    axes.grid(visible=True, alpha=0.3)
    axes.set_ylim(0.5, 200)
    figure.legend(loc="outside upper center", ncols=2, fontsize="small", frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    print(f"wrote {path}")


def print_runner_memory(folder: Path, experiments: int = 60_000) -> None:
    """Run many short experiments, and print the memory of the runner early and late."""
    process = start_run(folder, repeat=experiments, name="memory")
    sizes = []
    while process.poll() is None:
        resident = Path(f"/proc/{process.pid}/statm").read_text().split()
        if len(resident) > 1 and int(resident[1]):
            sizes.append(int(resident[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
        time.sleep(0.2)
    early, late = sizes[len(sizes) // 3], sizes[-2]
    print(f"memory of the runner over {experiments:,} experiments: {early:.1f} MiB, then {late:.1f} MiB")


def print_cost_of_seconds(folder: Path, url: str) -> None:
    """Run experiments of one second, and print what lies between two of them in a worker."""
    process = start_run(folder, repeat=10, name="seconds", target="slow")
    process.wait()
    configure(url)
    with SessionLocal() as session:
        rows = session.execute(
            select(Attempt.worker_id, Attempt.started_at, Attempt.finished_at).order_by(Attempt.started_at)
        ).all()
    gaps = []
    for _, mine in itertools.groupby(sorted(rows), key=lambda row: row[0]):
        attempts = list(mine)
        gaps += [
            1000 * (after[1] - before[2]).total_seconds() for before, after in itertools.pairwise(attempts)
        ]
    print(f"between two experiments of 1 s: {statistics.median(gaps):.1f} ms (the most {max(gaps):.1f} ms)")


def start_run(folder: Path, *, repeat: int, name: str, target: str = "square") -> subprocess.Popen[bytes]:
    """Start a run of a series as a person does."""
    folder.mkdir(exist_ok=True)
    (folder / "target.py").write_text(
        f"import time\n{TARGET}\ndef slow(x):\n    time.sleep(1)\n    return {{}}\n"
    )
    (folder / f"{name}.yaml").write_text(
        f"name: {name}\nrun: {{function: target.py:{target}}}\ngrid: {{x: [1]}}\n"
        f"repeat: {{seeds: {repeat}}}\nexecute: {{workers: 2}}\n"
    )
    command = [str(Path(sys.executable).with_name("experiments")), "run", f"{name}.yaml", "-q"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--postgresql", action="store_true", help="the embedded PostgreSQL too")
    parser.add_argument("--largest", type=int, default=SIZES[-1])
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    sizes = [size for size in SIZES if size <= options.largest]
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "target.py").write_text(TARGET)
        here = Path.cwd()
        os.chdir(folder)
        configure(f"sqlite:///{folder / 'scale.db'}")
        found["SQLite"] = measure(sizes)
        print_growth("SQLite", sizes, found["SQLite"])
        close_global_session()
        if options.postgresql:
            with embedded_postgresql(folder) as url:
                configure(url)
                found["PostgreSQL"] = measure(sizes)
                print_growth("PostgreSQL", sizes, found["PostgreSQL"])
                close_global_session()
        os.chdir(here)
        if options.picture:
            draw(options.picture, sizes, found)
        print_runner_memory(folder / "memory")
        run = folder / "seconds"
        print_cost_of_seconds(run, f"sqlite:///{run / 'results' / 'experiments.db'}")


if __name__ == "__main__":
    main()
