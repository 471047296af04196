"""One number for a method over several tasks, with its stratified bootstrap interval, as in rliable.

R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville and M. G. Bellemare, Deep reinforcement learning at
the edge of the statistical precipice, NeurIPS 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from meta.statistics.arrays import Floats, matrix
from meta.statistics.location import Estimator
from meta.statistics.resampling import Resampling
from meta.statistics.strata import Ends, Statistic, estimate_of, stratified_interval

Over = Literal["readings", "task means"]


@dataclass(frozen=True)
class Tasks:
    """The readings of one method, task by task.

    Attributes
    ----------
    readings : ndarray, shape (sum of sizes,)
        The finite readings of the first task, then of the second ...
    sizes : tuple of int
        How many repetitions each task has.
    """

    readings: Floats
    sizes: tuple[int, ...]

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
        return cls(known.T[present.T], sizes)

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
        The interval is about other repetitions of the same tasks, not about other tasks.
    sizes : tuple of int
        How many repetitions each task has.
    estimator : Estimator
    over : {"readings", "task means"}
    resampling : Resampling
    """

    estimate: float
    low: float
    high: float
    sizes: tuple[int, ...]
    estimator: Estimator
    over: Over
    resampling: Resampling


def aggregate(
    scores: ArrayLike, resampling: Resampling, estimator: Estimator, *, over: Over = "readings"
) -> Aggregate:
    """Return an estimate over all tasks; each task's repetitions are drawn by themselves.

    Parameters
    ----------
    scores : array_like, shape (repetitions, tasks)
        On one scale for all tasks. A score that is not finite is missing.
    resampling : Resampling
    estimator : Estimator
    over : {"readings", "task means"}
        What the estimator is taken of: all readings of all tasks together (rliable's IQM and mean), or the
        tasks' means over their repetitions (rliable's median).

    Raises
    ------
    ValueError
        A task has no finite score.
    """
    if over not in ("readings", "task means"):
        raise ValueError(f"an aggregate is over 'readings' or 'task means', not {over!r}")
    tasks = Tasks.of(scores)
    statistic = estimate_of(estimator, tasks.readings) if over == "readings" else _of_means(estimator, tasks)
    ends: Ends = stratified_interval(statistic, tasks.sizes, resampling)
    return Aggregate(
        float(ends.estimate[0]),
        float(ends.low[0]),
        float(ends.high[0]),
        tasks.sizes,
        estimator,
        over,
        resampling,
    )


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
