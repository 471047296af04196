"""The probability that one method improves on another, averaged over tasks, as in rliable.

R. Agarwal and others, Deep reinforcement learning at the edge of the statistical precipice, NeurIPS 2021: the
Mann-Whitney probability P(X > Y) + P(X = Y) / 2 of each task, averaged over the tasks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from meta.statistics.estimators.arrays import Floats
from meta.statistics.intervals.aggregate import Tasks
from meta.statistics.intervals.resampling import Resampling
from meta.statistics.intervals.stratified import stratified_interval


@dataclass(frozen=True)
class Improvement:
    """The probability that the first method's score is the larger one on a random task.

    Attributes
    ----------
    estimate, low, high : float
        From 0 to 1; one half means neither.
    """

    estimate: float
    low: float
    high: float


def probability_of_improvement(first: ArrayLike, second: ArrayLike, resampling: Resampling) -> Improvement:
    """Return the probability of improvement; each method's repetitions of a task are resampled independently.

    Parameters
    ----------
    first : array_like, shape (n, tasks)
    second : array_like, shape (m, tasks)
        Columns at the same place are the same task. A score that is not finite is missing.
    resampling : Resampling

    Raises
    ------
    ValueError
        The numbers of tasks differ, or a task has no score.
    """
    one, other = Tasks.of(first), Tasks.of(second)
    if len(one.sizes) != len(other.sizes):
        raise ValueError(
            f"the methods have {len(one.sizes)} and {len(other.sizes)} tasks: take the same for both"
        )
    wins = [
        _wins(one.readings[part], other.readings[partner])
        for part, partner in zip(one.parts, other.parts, strict=True)
    ]

    def statistic(counts: Floats) -> Floats:
        of_one, of_other = counts[:, : len(one.readings)], counts[:, len(one.readings) :]
        probabilities = [
            # The mean over pairs, each weighted by how often both of its readings were drawn.
            ((of_one[:, part] @ win) * of_other[:, partner]).sum(axis=1) / win.size
            for part, partner, win in zip(one.parts, other.parts, wins, strict=True)
        ]
        mean: Floats = np.mean(probabilities, axis=0, keepdims=True).T
        return mean

    ends = stratified_interval(statistic, one.sizes + other.sizes, resampling)
    return Improvement(float(ends.estimate[0]), float(ends.low[0]), float(ends.high[0]))


def _wins(one: Floats, other: Floats) -> Floats:
    """Return 1 where the first is larger, one half where both are equal, shape (n, m)."""
    wins: Floats = (one[:, None] > other) + 0.5 * (one[:, None] == other)
    return wins
