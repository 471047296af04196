"""Many more workers than cores, on PostgreSQL: nothing fails, and every experiment is recorded.

python benchmarks/many_workers.py [--experiments N] [--workers N]

Each worker has one connection, their runner another, and an embedded server allows 100. The experiments
take some milliseconds, so that all workers are busy at once. The exit code is 1 when an attempt
did not complete, when an experiment is missing, or when the server refused a connection.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from servers import embedded_postgresql
from sqlalchemy import create_engine, func, select, text

from database.models import Attempt
from database.session.lifecycle import SessionLocal, close_global_session, configure
from database.settings import normalise_url
from experiments.run_experiments import RunOptions, run_series

TARGET = "import time\ndef nap(x):\n    time.sleep(0.02)\n    return {'y': x}\n"
#: How often the server's connections are counted, in seconds.
_EVERY_S = 0.2


class ConnectionCount:
    """Counts the connections of our programs to a server, while it is entered.

    Attributes
    ----------
    most : int
        At one moment.
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(normalise_url(url))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._count)
        self.most = 0

    def __enter__(self) -> ConnectionCount:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._engine.dispose()

    def _count(self) -> None:
        # Held for the whole time: there may be none left for us later.
        with self._engine.connect() as connection:
            others = text(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            while not self._ended.wait(_EVERY_S):
                self.most = max(self.most, connection.execute(others).scalar_one())
                connection.rollback()


def measure(url: str, folder: Path, experiments: int, workers: int) -> int:
    """Run, print, and return what went wrong, counted."""
    (folder / "target.py").write_text(TARGET)
    os.chdir(folder)
    configure(url)
    series = {
        "name": "many",
        "run": {"function": "target.py:nap"},
        "grid": {"x": list(range(experiments))},
    }
    with ConnectionCount(url) as connections:
        summary = run_series(series, RunOptions(workers=workers, results_directory=folder))
    configure(url)
    with SessionLocal() as session:
        outcomes = Counter(outcome.value for outcome in session.scalars(select(Attempt.outcome)))
        first, last = session.execute(
            select(func.min(Attempt.started_at), func.max(Attempt.finished_at))
        ).one()
        at_work = session.scalar(select(func.count(func.distinct(Attempt.worker_id))))
        allowed = session.scalar(text("SHOW max_connections"))
    close_global_session()
    refused = (folder / "pg" / "log").read_text(errors="replace").count("too many clients")
    del outcomes["released"]  # claimed and never started: what is at the end of a batch
    wrong = outcomes.total() - outcomes["completed"] + experiments - summary.after.completed + refused
    rate = experiments / (last - first).total_seconds()
    print(
        f"{at_work} of {workers} workers recorded {outcomes['completed']:,} of {experiments:,} experiments "
        f"of 20 ms on {os.cpu_count()} cores: {rate:,.0f}/s, at most {connections.most} of {allowed} "
        f"connections, {summary.elapsed_s:.1f} s in all, {wrong} errors"
    )
    return wrong


def main() -> int:
    """Measure on a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--experiments", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, embedded_postgresql(Path(name)) as url:
        wrong = measure(url, Path(name), options.experiments, options.workers)
        os.chdir("/")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
