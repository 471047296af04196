"""The start of a run: until its first experiment, and the whole of a run that has nothing to do.

Run ``python benchmarks/start.py [REPEATS]``. The baseline is an interpreter that imports SQLAlchemy's ORM,
started in turn with the runs; the processor time of a run includes that of the processes it has waited for.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPEATS = 7
#: What it may take: seconds until the first experiment, seconds without any, processor time without any as a
#: multiple of the baseline's.
BUDGET = (1.3, 0.7, 2.6)
SERIES = "name: start\nrun: {function: target.py:main}\ngrid: {x: [1, 2, 3]}\n"


@dataclass(frozen=True)
class Measured:
    """What one program took, in seconds."""

    clock: float
    processor: float


def main() -> None:
    """Measure in turn, and print medians and their ratio."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else REPEATS
    first, nothing, baseline = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "target.py").write_text("def main(x):\n    return {'y': x}\n")
        (Path(folder) / "start.yaml").write_text(SERIES)
        for number in range(repeats):
            environment = {**os.environ, "EXPERIMENTS_DATABASE_URL": f"sqlite:///{folder}/{number}.db"}
            command = [Path(sys.executable).with_name("experiments"), "run", "start.yaml"]
            started_at = time.time()
            measure(command, folder, environment)
            first.append(first_start(Path(folder) / f"{number}.db") - started_at)
            nothing.append(measure(command, folder, environment))
            baseline.append(measure([sys.executable, "-c", "import sqlalchemy.orm"], folder, environment))
    ratios = [run.processor / least.processor for run, least in zip(nothing, baseline, strict=True)]
    print(
        f"first experiment after {statistics.median(first):.2f} s (budget {BUDGET[0]}); nothing to do "
        f"{statistics.median(run.clock for run in nothing):.2f} s (budget {BUDGET[1]}), processor "
        f"{statistics.median(run.processor for run in nothing):.2f} s, ratio to importing SQLAlchemy's ORM "
        f"{statistics.median(ratios):.2f} (budget {BUDGET[2]})"
    )


def measure(command: list[str | Path], folder: str, environment: Mapping[str, str]) -> Measured:
    """Run a program to its end."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with exit code {process.returncode}")
    return Measured(time.perf_counter() - begun, usage.ru_utime + usage.ru_stime)


def first_start(database: Path) -> float:
    """Return when the first experiment started, in seconds since 1970."""
    connection = sqlite3.connect(database)
    try:
        [(seconds,)] = connection.execute(
            "SELECT (julianday(min(started_at)) - 2440587.5) * 86400 FROM experiment"
        ).fetchall()
    finally:
        connection.close()
    return float(seconds)


if __name__ == "__main__":
    main()
