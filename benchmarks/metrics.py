"""Processor time of logging 1,000,000 points with `run.log`, in the experiment's process.

python benchmarks/metrics.py [--points N] [--repeats N]

Ours is everything until the attempt can be recorded: the calls, the summary, and the chunks of the last
points. The baseline is the least that keeps the same numbers: a method with the same arguments that appends
to three arrays, which are lost with the process. Both are measured in turn, in one process. Points are logged
one or four metrics at a time, by keyword or in a mapping, and 20 in each of many short attempts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path

from database.claims.types import Claim
from experiments.attempt.context import Run

#: Of a short attempt.
FEW = 20


class Arrays:
    """Keeps points in arrays."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: dict[str, tuple[array[int], array[float], array[float]]] = {}

    def log(self, metrics: Mapping[str, float] | None = None, /, *, step: int, **named: float) -> None:
        """Append a point of each metric."""
        with self._lock:
            second = time.monotonic()
            for name, reading in (named if metrics is None else {**metrics, **named}).items():
                if name not in self._points:
                    self._points[name] = array("q"), array("d"), array("d")
                steps, readings, seconds = self._points[name]
                steps.append(step)
                readings.append(float(reading))
                seconds.append(second)


def log_one(log: Callable[..., None], points: int) -> None:
    """Log one metric at a time."""
    for step in range(points):
        log(step=step, loss=0.5)


def log_four(log: Callable[..., None], points: int) -> None:
    """Log four metrics at a time."""
    for step in range(points // 4):
        log(step=step, loss=0.5, accuracy=0.25, rate=0.1, norm=2.0)


def log_mapping(log: Callable[..., None], points: int) -> None:
    """Log four metrics at a time, in a mapping."""
    for step in range(points // 4):
        log({"val/loss": 0.5, "val/accuracy": 0.25, "rate": 0.1, "norm": 2.0}, step=step)


def ours(work: Callable[[Callable[..., None], int], None], points: int, path: Path) -> float:
    """Return the processor seconds of one attempt."""
    begun = time.process_time()
    run = Run(Claim(1, 1, 0, 0, {}), files=path.parent, points=path)
    work(run.log, points)
    run.close()
    assert sum(summary["count"] for summary in run.summary().values()) == points
    return time.process_time() - begun


def baseline(work: Callable[[Callable[..., None], int], None], points: int) -> float:
    """Return the processor seconds of the baseline."""
    begun = time.process_time()
    work(Arrays().log, points)
    return time.process_time() - begun


_WORKS = {"one metric": log_one, "four metrics": log_four, "a mapping of four": log_mapping}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points"
        for name, work in _WORKS.items():
            pairs = [
                (ours(work, options.points, path), baseline(work, options.points))
                for _ in range(options.repeats)
            ]
            seconds, least = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(mine / theirs for mine, theirs in pairs)
            print(
                f"{options.points:,} points, {name} at a time: {seconds:.2f} s, arrays {least:.2f} s, "
                f"ratio {ratio:.1f} (median)"
            )
        attempts = options.points // 1_000
        each = statistics.median(ours(log_one, FEW, path) for _ in range(attempts))
        print(f"an attempt that logs {FEW} points: {each * 1e6:.0f} µs (median of {attempts:,})")


if __name__ == "__main__":
    main()
