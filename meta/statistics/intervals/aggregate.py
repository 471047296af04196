"""One number for a method over several tasks, with its bootstrap interval.

Where tasks are repeated independently, each task's repetitions are resampled by themselves, as in rliable (R.
Agarwal, M. Schwarzer, P. S. Castro, A. Courville and M. G. Bellemare, Deep reinforcement learning at the edge
of the statistical precipice, NeurIPS 2021). Where a repetition has the same seed in all tasks, its readings
are good or bad together, and repetitions are resampled with all their readings (A. C. Davison and D.
V. Hinkley, Bootstrap Methods and their Application, 1997, section 3.8: of hierarchical data, the units that
are independent). Resampled by themselves, the luck that tasks share would seem to cancel out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from meta.statistics.estimators.arrays import Floats, Integers, matrix
from meta.statistics.estimators.location import Estimator
from meta.statistics.intervals.resampling import Resampling
from meta.statistics.intervals.stratified import Statistic, estimate_of, stratified_interval

Over = Literal["readings", "task means"]

#: Numbers held at once while a statistic is computed.
_NUMBERS_PER_BLOCK = 8_000_000
#: In units of the largest reading: a width up to this is rounding.
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Tasks:
    """The readings of one method, task by task.

    Attributes
    ----------
    readings : ndarray, shape (sum of sizes,)
        The finite readings of the first task, then of the second ...
    sizes : tuple of int
        How many repetitions each task has.
    rows : ndarray of int, shape (sum of sizes,)
        Of which repetition each reading is.
    """

    readings: Floats
    sizes: tuple[int, ...]
    rows: Integers

    @classmethod
    def of(cls, scores: ArrayLike) -> Tasks:
        """Return the tasks of scores, shape (repetitions, tasks); one that is not finite is missing.

        Raises
        ------
        ValueError
            A task has no finite reading: an aggregate without it would be one over other tasks.
        """
        known = matrix(scores, "repetitions, tasks")
        present = np.isfinite(known)
        sizes = tuple(int(size) for size in present.sum(axis=0))
        if not sizes or min(sizes) == 0:
            empty = [task for task, size in enumerate(sizes) if size == 0]
            raise ValueError(
                f"tasks {empty} (counted from 0) have no finite score: leave them out for all methods alike"
                if empty
                else "there is no task to aggregate over"
            )
        return cls(known.T[present.T], sizes, np.nonzero(present.T)[1])

    @property
    def parts(self) -> list[slice]:
        """Where each task's readings are."""
        ends = np.cumsum(self.sizes).tolist()
        return [slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True)]


@dataclass(frozen=True)
class Aggregate:
    """A number over tasks with its interval.

    Attributes
    ----------
    estimate, low, high : float
        The interval is about other repetitions of the same tasks, not about other tasks. Ends are NaN where
        a task has a single repetition, of which nothing tells how far others are from it.
    sizes : tuple of int
        How many repetitions each task has.
    """

    estimate: float
    low: float
    high: float
    sizes: tuple[int, ...]


def aggregate(
    scores: ArrayLike,
    resampling: Resampling,
    estimator: Estimator,
    *,
    over: Over = "readings",
    shares_seeds: bool = False,
) -> Aggregate:
    """Return an estimate over all tasks.

    Parameters
    ----------
    scores : array_like, shape (repetitions, tasks)
        On one scale for all tasks. A score that is not finite is missing.
    resampling : Resampling
    estimator : Estimator
    over : {"readings", "task means"}
        What the estimator is taken of: all readings of all tasks together (rliable's IQM and mean), or the
        tasks' means over their repetitions (rliable's median).
    shares_seeds : bool
        A repetition (row) has the same seed in all tasks: rows are resampled, of which a missing score is
        missing each time. A drawing without any score of a task has no estimate and does not count. Else
        each task's repetitions are resampled by themselves.

    Raises
    ------
    ValueError
        A task has no finite score.
    """
    if over not in ("readings", "task means"):
        raise ValueError(f"an aggregate is over 'readings' or 'task means', not {over!r}")
    tasks = Tasks.of(scores)
    if shares_seeds:
        statistic = _of_rows(estimator, tasks, over)
        sizes: tuple[int, ...] = (len(np.unique(tasks.rows)),)
    else:
        statistic = (
            estimate_of(estimator, tasks.readings) if over == "readings" else _of_means(estimator, tasks)
        )
        sizes = tasks.sizes
    if min(tasks.sizes) < 2:
        estimate = float(statistic(np.ones((1, sum(sizes))))[0, 0])
        return Aggregate(estimate, np.nan, np.nan, tasks.sizes)
    ends = stratified_interval(statistic, sizes, resampling)
    estimate, low, high = (float(values[0]) for values in (ends.estimate, ends.low, ends.high))
    # Tasks whose readings are all equal: what is left of a width is rounding.
    if high - low <= _ROUNDING * np.abs(tasks.readings).max():
        low = high = estimate
    return Aggregate(estimate, low, high, tasks.sizes)


def _of_means(estimator: Estimator, tasks: Tasks) -> Statistic:
    starts = [part.start for part in tasks.parts]
    # In units of the largest reading no sum overflows.
    scale = max(float(np.abs(tasks.readings).max()), np.finfo(np.float64).tiny)
    readings = tasks.readings / scale

    def statistic(counts: Floats) -> Floats:
        sums = np.add.reduceat(counts * readings, starts, axis=1)
        of_tasks = scale * (sums / np.add.reduceat(counts, starts, axis=1))
        return estimator.of(of_tasks.T)[:, None]

    return statistic


def _of_rows(estimator: Estimator, tasks: Tasks, over: Over) -> Statistic:
    """Return the statistic of how often each repetition was drawn, with its scores of all tasks."""
    known, rows = np.unique(tasks.rows, return_inverse=True)
    shape = (len(known), len(tasks.sizes))
    places = rows, np.repeat(np.arange(shape[1]), tasks.sizes)
    scale = max(float(np.abs(tasks.readings).max()), np.finfo(np.float64).tiny)
    here, scores = np.zeros((2, *shape))
    here[places], scores[places] = 1.0, tasks.readings / scale
    of_readings = estimate_of(estimator, tasks.readings)

    def some(counts: Floats) -> Floats:
        weight = counts @ here
        if over == "readings":
            estimates = of_readings(counts[:, rows])
        else:
            means = np.divide(counts @ scores, weight, out=np.zeros_like(weight), where=weight > 0)
            averaged = means.mean(axis=1) if estimator.is_linear else estimator.of(means.T)
            estimates = scale * averaged[:, None]
        estimates[(weight == 0).any(axis=1)] = np.nan
        return estimates

    width = len(tasks.readings) if over == "readings" else shape[1]
    together = max(1, _NUMBERS_PER_BLOCK // width)

    def statistic(counts: Floats) -> Floats:
        starts = range(0, len(counts), together)
        return np.vstack([some(counts[start : start + together]) for start in starts])

    return statistic
