"""Aggregate graphs of large series on SQLite, each beside a plain numpy mean over the same numbers.

Run ``python benchmarks/graphs.py [SCALE]``; SCALE makes the series smaller. Two graphs are measured, each
in a process of its own and in the same run as its baseline: a curve over 10,000,000 points (as those of
``configs/bandits.yaml``, 1,000 steps), and a result of 100,000 experiments against a parameter. The
baseline reads the same rows from the same database, takes the mean over repetitions and stops: no
interval, no picture. Last, the same graph is asked for again, unchanged.
"""

from __future__ import annotations

import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert, select

from database.engine.registry import get_engine
from database.models import Configuration, Experiment, ExperimentSeries, ExperimentStatus, MetricChunk
from database.session.lifecycle import configure, scoped_session
from experiments.parameters import canonical, key, nest
from experiments.series_file.loading import load_series_file
from meta.generate_aggregate_graphs import generate_all_graphs
from meta.records.curves import read_curves

STEPS = 1_000
#: Name of the series -> its grid, repetitions, graph, and the budget in seconds and MB.
SERIES: dict[str, dict[str, Any]] = {
    "points": {
        "what": "10,000,000 points",
        "grid": {"epsilon": [0.0, 0.01, 0.05, 0.1, 0.2]},
        "seeds": 2_000,
        "graph": {"kind": "curve", "y": "reward", "hue": "epsilon"},
        "budget": (10.0, 1_000),
    },
    "experiments": {
        "what": "100,000 experiments",
        "grid": {"depth": [*range(1, 51)], "optimizer": [*"abcdefghij"]},
        "seeds": 200,
        "graph": {"kind": "line", "y": "reward", "x": "depth", "hue": "optimizer"},
        "budget": (5.0, 1_000),
    },
}


def main() -> None:
    """Fill a database, measure, and print seconds, CPU seconds, memory and ratio."""
    if len(sys.argv) == 5:
        _, measured, name, url, folder = sys.argv
        measure(MEASURED[measured], name, url, Path(folder))
        return
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/graphs.db"
        configure(url)
        get_engine()
        for name in SERIES:
            fill(name, scale)
        get_engine().dispose()
        for name, described in SERIES.items():
            found = {measured: in_a_process(measured, name, url, folder) for measured in MEASURED}
            budget_s, budget_mb = described["budget"]
            print(f"one graph of {described['what']} x {scale:g} (budget {budget_s:g} s, {budget_mb} MB):")
            for measured, one in found.items():
                ratio = one["s"] / found["plain"]["s"]
                print(
                    f"  {measured:10}{one['s']:6.2f} s{one['cpu_s']:6.2f} s of CPU{one['mb']:6.0f} MB, "
                    f"ratio {ratio:.1f}"
                )


def in_a_process(measured: str, name: str, url: str, folder: str) -> dict[str, float]:
    """Measure in a process that has done nothing else, and return what it found."""
    found: dict[str, float] = json.loads(
        subprocess.check_output([sys.executable, __file__, measured, name, url, folder])
    )
    return found


def measure(function: Callable[[str, Path], None], name: str, url: str, folder: Path) -> None:
    """Print how long a function takes, in seconds and CPU seconds, and the peak of this process's memory."""
    configure(url)
    start, start_cpu = time.perf_counter(), time.process_time()
    function(name, folder)
    seconds, cpu_s = time.perf_counter() - start, time.process_time() - start_cpu
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"s": seconds, "cpu_s": cpu_s, "mb": peak_mb}))


def draw(name: str, folder: Path) -> None:
    """Draw the graph of a series."""
    with scoped_session(read_only=True) as session:
        (result,) = generate_all_graphs(session, name, folder / name)
    assert len(result.paths) == 2, result


def plain_mean(name: str, _folder: Path) -> None:
    """Read what the graph shows and take its means."""
    configurations = len(list(itertools.product(*SERIES[name]["grid"].values())))
    with scoped_session(read_only=True) as session:
        series_id = session.scalars(select(ExperimentSeries.id).where(ExperimentSeries.name == name)).one()
        if name == "points":
            found = [logged.curve.readings for logged in read_curves(session, series_id, "reward")]
            shape: tuple[int, ...] = (configurations, -1, STEPS)
        else:
            rows = select(Experiment.results).where(Experiment.series_id == series_id).order_by(Experiment.id)
            found = [results["reward"] for results in session.scalars(rows) if results]
            shape = (configurations, -1)
    assert len(np.stack(found).reshape(shape).mean(axis=1)) == configurations


MEASURED = {"plain": plain_mean, "drawn": draw, "unchanged": draw}


def fill(name: str, scale: float) -> None:
    """Write a series whose experiments are all completed."""
    described = SERIES[name]
    file = load_series_file(
        {
            "name": name,
            "run": {"function": "experiments.library.bandits:play"},
            "grid": described["grid"],
            "repeat": {"seeds": max(2, int(described["seeds"] * scale))},
            "graphs": [described["graph"]],
        }
    ).file
    generator = np.random.default_rng(1)
    with scoped_session() as session:
        series = ExperimentSeries(
            name=file.name, resolved=file.model_dump(mode="json"), target=file.run.function
        )
        session.add(series)
        session.flush()
        for position, values in enumerate(itertools.product(*file.grid.values())):
            parameters = nest(dict(zip(file.grid, values, strict=True)))
            configuration = Configuration(
                series_id=series.id,
                position=position,
                parameters=parameters,
                key=key(canonical(parameters)),
                revision=0,
            )
            session.add(configuration)
            session.flush()
            experiments = [
                {
                    "series_id": series.id,
                    "configuration_id": configuration.id,
                    "repetition": repetition,
                    "position": repetition,
                    "seed": repetition,
                    "status": ExperimentStatus.COMPLETED,
                    "attempt_number": 1,
                    "results": {"reward": generator.normal(), "optimal_action": generator.normal()},
                }
                for repetition in range(file.repeat.seeds)
            ]
            ids = session.scalars(insert(Experiment).returning(Experiment.id), experiments).all()
            if name == "points":
                session.execute(insert(MetricChunk), list(chunks(ids, generator)))


def chunks(experiment_ids: Any, generator: np.random.Generator) -> Iterator[dict[str, object]]:
    """Yield one row per experiment, with noise for readings."""
    steps = np.arange(1, STEPS + 1, dtype="<i8").tobytes()
    for experiment_id in experiment_ids:
        readings = generator.normal(size=STEPS).astype("<f8").tobytes()
        yield {
            "experiment_id": experiment_id,
            "attempt_number": 1,
            "metric": "reward",
            "number": 0,
            "count": STEPS,
            "steps": steps,
            "readings": readings,
            "seconds": readings,
        }


if __name__ == "__main__":
    main()
