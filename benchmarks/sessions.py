"""What sessions cost: `scoped_session()` beside a hand-written `Session`, and the first one of a process.

Run ``python benchmarks/sessions.py [--reads N] [--postgresql]``. Both sides do the same work in the same run,
in turns: one transaction with one read by an indexed column, on the same engine. The hand-written side is
what SQLAlchemy's manual writes: ``with Session(engine) as session, session.begin():``.

The global session is opened in new processes, whose clock begins after the imports (with those of the
dialect) and ends with its first read: that includes making the engine, connecting, and looking at the
revision of the tables.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from servers import embedded_postgresql
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.engine.registry import dispose_engines, get_engine
from database.models import ExperimentSeries
from database.session.lifecycle import configure, scoped_session

#: scoped_session() as a ratio to the hand-written one; seconds until the global session has read.
BUDGET_RATIO, BUDGET_S = 1.3, 0.030
ROUNDS = 15
_OPENING = """
import sys, time
from sqlalchemy import make_url, select
from database.models import ExperimentSeries
from database.engine import configure
from database.session import close_global_session, get_session

query = select(ExperimentSeries.id).where(ExperimentSeries.name == "series-500")
make_url(sys.argv[1]).get_dialect()
start = time.perf_counter()
configure(sys.argv[1])
session = get_session()
opened = time.perf_counter()
assert session.scalar(query) is not None
print(opened - start, time.perf_counter() - start)
close_global_session()
"""


def main() -> None:
    """Measure on SQLite, and on an embedded PostgreSQL when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--reads", type=int, default=2_000, help="transactions per round and side")
    parser.add_argument("--postgresql", action="store_true", help="also on an embedded PostgreSQL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        measure("SQLite", f"sqlite:///{name}/sessions.db", options.reads)
        if options.postgresql:
            with embedded_postgresql(Path(name)) as url:
                measure("PostgreSQL", url, options.reads)


def measure(name: str, url: str, reads: int) -> None:
    """Fill a database and print both figures."""
    configure(url)
    with scoped_session() as session:
        session.add_all(
            ExperimentSeries(name=f"series-{number}", target="a:b", resolved={}) for number in range(1_000)
        )
    ratios, ours_s, by_hand_s = compare(reads)
    opened, read = opening(url)
    dispose_engines()
    print(
        f"{name}: scoped_session() with one indexed read {ours_s * 1e6:.0f} us, by hand "
        f"{by_hand_s * 1e6:.0f} us, ratio {statistics.median(ratios):.2f} (median of {len(ratios)}, "
        f"{min(ratios):.2f}-{max(ratios):.2f}; budget {BUDGET_RATIO})"
    )
    print(
        f"{name}: the global session in a new process: opened after {opened * 1e3:.1f} ms, first read after "
        f"{read * 1e3:.1f} ms (budget {BUDGET_S * 1e3:.0f} ms)"
    )


def compare(reads: int) -> tuple[list[float], float, float]:
    """Return the ratio of each round, and the median seconds per transaction of both sides."""
    engine = get_engine()
    query = select(ExperimentSeries.id).where(ExperimentSeries.name == "series-500")

    def ours() -> None:
        with scoped_session() as session:
            session.scalar(query)

    def by_hand() -> None:
        with Session(engine) as session, session.begin():
            session.scalar(query)

    for warm_up in (ours, by_hand):
        seconds_each(warm_up, reads)
    rounds = [(seconds_each(ours, reads), seconds_each(by_hand, reads)) for _ in range(ROUNDS)]
    return (
        [one / other for one, other in rounds],
        statistics.median(one for one, _ in rounds),
        statistics.median(other for _, other in rounds),
    )


def seconds_each(work: Callable[[], None], count: int) -> float:
    """Return how long one call of `work` takes."""
    start = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - start) / count


def opening(url: str) -> tuple[float, float]:
    """Return the median seconds until the global session was open, and until it had read."""
    found = []
    for _ in range(ROUNDS):
        done = subprocess.run(
            [sys.executable, "-c", _OPENING, url], capture_output=True, text=True, check=True
        )
        found.append([float(seconds) for seconds in done.stdout.split()])
    opened, read = (statistics.median(column) for column in zip(*found, strict=True))
    return opened, read


if __name__ == "__main__":
    main()
