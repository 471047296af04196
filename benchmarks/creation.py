"""Creating 100,000 experiments from YAML on SQLite, beside bare sqlite3 inserting the same rows.

Run ``python benchmarks/creation.py [COUNT]``. The baseline takes the rows that a creation wrote and
inserts them with `executemany`, in one transaction, into an empty file with the same tables and indexes.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from database.engine.registry import get_engine
from database.session.lifecycle import configure, scoped_session
from experiments.creation import create_series

COUNT = 100_000
#: What creating 100,000 experiments may take, in seconds.
BUDGET_S = 3.0
TABLES = ("experiment_series", "configuration", "experiment")


def main() -> None:
    """Measure both shapes, and print seconds and ratios."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    for repetitions in (1, 10):
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), count // repetitions, repetitions)


def measure(folder: Path, configurations: int, repetitions: int) -> None:
    """Create a series in an empty database, then insert its rows with bare sqlite3."""
    database = folder / "created.db"
    configure(f"sqlite:///{database}")
    get_engine()  # the tables are not part of the measurement
    path = write_series(folder, configurations, repetitions)
    start = time.perf_counter()
    with scoped_session() as session:
        created = create_series(session, path)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    with scoped_session() as session:
        again = create_series(session, path)
    again_seconds = time.perf_counter() - start
    assert again.existing == created.new
    baseline_s = insert_the_same_rows(database, folder / "baseline.db")
    print(
        f"{created.new:,} experiments = {configurations:,} configurations x {repetitions}: {seconds:.2f} s "
        f"(budget {BUDGET_S * created.new / COUNT:.1f} s), bare sqlite3 {baseline_s:.2f} s, "
        f"ratio {seconds / baseline_s:.2f}; again, unchanged: {again_seconds:.3f} s"
    )


def write_series(folder: Path, configurations: int, repetitions: int) -> Path:
    """Write a series file whose grid has four parameters."""
    (folder / "train.py").write_text("def main(lr, depth, width, seed, **model): return {}\n")
    widths, rest = divmod(configurations, 1000)
    if rest:
        raise SystemExit("COUNT must be a multiple of 10,000")
    path = folder / "series.yaml"
    path.write_text(
        "name: benchmark\nrun: {function: train.py:main}\nfixed: {model.activation: relu, model.bias: true}\n"
        f"grid:\n  lr: {[1 / (2 + number) for number in range(100)]}\n  width: {list(range(widths))}\n"
        f"  depth: [1, 2]\n  model.kind: [a, b, c, d, e]\nrepeat: {{seeds: {repetitions}}}\n"
    )
    return path


def insert_the_same_rows(created: Path, baseline: Path) -> float:
    """Return the seconds that bare sqlite3 takes for the rows of `created`."""
    source, target = sqlite3.connect(created), sqlite3.connect(baseline)
    target.execute("PRAGMA journal_mode=WAL")
    target.execute("PRAGMA synchronous=NORMAL")
    placeholders = ", ".join("?" for _ in TABLES)
    schema = source.execute(
        f"SELECT sql FROM sqlite_master WHERE tbl_name IN ({placeholders}) AND sql NOT NULL", TABLES
    )
    for (statement,) in schema.fetchall():
        target.execute(statement)
    rows = {table: source.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    start = time.perf_counter()
    with target:
        for table, content in rows.items():
            values = ", ".join("?" for _ in content[0])
            target.executemany(f"INSERT INTO {table} VALUES ({values})", content)
    seconds = time.perf_counter() - start
    source.close()
    target.close()
    return seconds


if __name__ == "__main__":
    main()
