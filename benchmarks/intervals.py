"""Intervals of many columns, beside scipy's bootstrap on the same readings in the same run.

Run ``python benchmarks/intervals.py``. First comes the interval by the rule (`ci`), with its processor time
as a multiple of the percentile interval's; then those of the bootstrap. Ours computes all columns;
`scipy.stats.bootstrap` a few of them, with as many drawings, and its time is multiplied: all of them would
take minutes. The ratio is that of processor seconds over all threads, because other programs move the clock
only.
"""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import stats

from meta.statistics.estimators.location import ESTIMATORS
from meta.statistics.intervals.bootstrap import bootstrap_interval
from meta.statistics.intervals.resampling import Method, Resampling
from meta.statistics.intervals.rule import confidence_interval

#: What is measured: repetitions, columns, budget in seconds, and how many columns the baseline takes.
SHAPES = {
    "1,000 groups of 10 repetitions": (10, 1_000, 5.0, 100),
    "a curve of 2,000 steps, 1,000 repetitions": (1_000, 2_000, 2.0, 1),
}
BASELINES: dict[str, Callable[..., np.ndarray]] = {
    "mean": np.mean,
    "median": np.median,
    "trimmed_mean": lambda readings, axis: stats.trim_mean(readings, 0.1, axis=axis),
    "iqm": lambda readings, axis: stats.trim_mean(readings, 0.25, axis=axis),
}
METHODS: dict[Method, str] = {"percentile": "percentile", "bca": "BCa"}
BUDGET_MB = 1_000
#: Of the rule and the percentile interval in turn, of which the fastest count.
ROUNDS = 3


def main() -> None:
    """Print seconds, ratio and memory of every estimator and method."""
    for name, (repetitions, columns, budget_s, few) in SHAPES.items():
        readings = np.random.default_rng(1).gamma(2, size=(repetitions, columns))
        print(f"{name}, 10,000 resamples (budget {budget_s:.0f} s):")
        for estimator in ESTIMATORS.values():
            how = Resampling(1)
            drawn_s, (clock_s, cpu_s) = math.inf, (math.inf, math.inf)
            for _ in range(ROUNDS):
                drawn_s = min(
                    drawn_s, timed(lambda e=estimator, h=how, r=readings: bootstrap_interval(r, h, e))[1]
                )
                found = timed(lambda e=estimator, h=how, r=readings: confidence_interval(r, h, e))
                clock_s, cpu_s = min(clock_s, found[0]), min(cpu_s, found[1])
            print(
                f"  {estimator.name}, ci: {clock_s:.3f} s, {cpu_s:.3f} s of processor time; "
                f"{cpu_s / drawn_s:.2f} of percentile's"
            )
            for method, theirs in METHODS.items():
                drawing = replace(how, method=method)
                clock_s, cpu_s = timed(lambda e=estimator, h=drawing, r=readings: bootstrap_interval(r, h, e))
                _, baseline_s = timed(
                    lambda e=estimator, m=theirs, r=readings[:, :few]: stats.bootstrap(
                        (r,), BASELINES[e.name], n_resamples=10_000, method=m, batch=1_000, rng=1
                    )
                )
                baseline_s *= columns / few
                print(
                    f"  {estimator.name}, {method}: {clock_s:.2f} s, {cpu_s:.2f} s of processor time; "
                    f"scipy {baseline_s:.1f} s (from {few} columns), ratio {baseline_s / cpu_s:.0f}"
                )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak_mb:.0f} MB at most, scipy's part included (budget {BUDGET_MB} MB)")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that some work takes, by the clock and of the processor."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - cpu


if __name__ == "__main__":
    main()
