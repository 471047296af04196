"""The aggregate graphs of 12 million points on SQLite, beside a plain numpy mean over the same arrays.

Run ``python benchmarks/graphs.py [REPETITIONS]``. The database has the shape of ``configs/bandits.yaml``:
three configurations, two metrics, 1,000 steps. Both sides read the same arrays from the same database; the
baseline then takes the mean over repetitions and stops: no interval, no picture.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from database.engine import get_engine
from database.models import Configuration, Experiment, ExperimentSeries, ExperimentStatus, MetricChunk
from database.session import configure, scoped_session
from experiments.parameters import key
from experiments.series_file.loading import load_series_file
from meta.curves import read_curves
from meta.generate_aggregate_graphs import generate_all_graphs

REPETITIONS = 2_000
STEPS = 1_000
EPSILONS = (0.0, 0.01, 0.1)
METRICS = ("reward", "optimal_action")
#: What an aggregate graph over 10 million points may take.
BUDGET_S, BUDGET_MB = 10.0, 1_000


def main() -> None:
    """Fill a database, measure both, and print seconds, memory and ratio."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    with tempfile.TemporaryDirectory() as folder:
        configure(f"sqlite:///{folder}/graphs.db")
        get_engine()
        series_id = fill(repetitions)
        baseline_s = plain_means(series_id, repetitions)
        start = time.perf_counter()
        with scoped_session(read_only=True) as session:
            results = generate_all_graphs(session, "bandits", Path(folder) / "graphs")
        seconds = time.perf_counter() - start
        assert [len(result.paths) for result in results] == [2] * len(METRICS)
    points = repetitions * STEPS * len(EPSILONS) * len(METRICS)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{points:,} points, {len(results)} graphs: {seconds:.2f} s (budget {BUDGET_S:.0f} s each), "
        f"{peak_mb:.0f} MB (budget {BUDGET_MB} MB), plain mean {baseline_s:.2f} s, "
        f"ratio {seconds / baseline_s:.1f}"
    )


def plain_means(series_id: int, repetitions: int) -> float:
    """Return how long reading all curves and taking their means takes, in seconds."""
    start = time.perf_counter()
    for metric in METRICS:
        with scoped_session(read_only=True) as session:
            curves = read_curves(session, series_id, metric)
        readings = np.stack([curve.readings for curve in curves.values()])
        means = readings.reshape(len(EPSILONS), repetitions, STEPS).mean(axis=1)
        assert means.shape == (len(EPSILONS), STEPS)
    return time.perf_counter() - start


def fill(repetitions: int) -> int:
    """Write a series whose experiments are all completed; return its id."""
    file = load_series_file(
        {
            "name": "bandits",
            "run": {"function": "experiments.library.bandits:play"},
            "grid": {"epsilon": list(EPSILONS)},
            "repeat": {"seeds": repetitions},
            "graphs": [{"kind": "curve", "y": metric, "hue": "epsilon"} for metric in METRICS],
        }
    ).file
    with scoped_session() as session:
        series = ExperimentSeries(
            name=file.name, resolved=file.model_dump(mode="json"), target=file.run.function
        )
        session.add(series)
        session.flush()
        for position, epsilon in enumerate(EPSILONS):
            parameters = {"epsilon": epsilon}
            configuration = Configuration(
                series_id=series.id, position=position, parameters=parameters, key=key(parameters), revision=0
            )
            session.add(configuration)
            session.flush()
            experiments = [
                Experiment(
                    series_id=series.id,
                    configuration_id=configuration.id,
                    repetition=repetition,
                    position=repetition * len(EPSILONS) + position,
                    seed=repetition,
                    status=ExperimentStatus.COMPLETED,
                    attempt_number=1,
                    results={},
                )
                for repetition in range(repetitions)
            ]
            session.add_all(experiments)
            session.flush()
            session.execute(insert(MetricChunk), list(chunks([found.id for found in experiments])))
        return series.id


def chunks(experiment_ids: list[int]) -> Iterator[dict[str, object]]:
    """Yield one row per experiment and metric, with noise for readings."""
    generator = np.random.default_rng(1)
    steps = np.arange(1, STEPS + 1, dtype="<i8").tobytes()
    for experiment_id in experiment_ids:
        for metric in METRICS:
            readings = generator.normal(size=STEPS).astype("<f8").tobytes()
            yield {
                "experiment_id": experiment_id,
                "attempt_number": 1,
                "metric": metric,
                "number": 0,
                "count": STEPS,
                "steps": steps,
                "readings": readings,
                "seconds": readings,
            }


if __name__ == "__main__":
    main()
