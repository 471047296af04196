"""Methods over many tasks: the share of tasks solved to a given quality, and the probability of improvement.

- Performance profiles of costs: E. D. Dolan and J. J. More, Benchmarking optimization software with
  performance profiles, Mathematical Programming 91 (2002), 201-213.
- Score distributions, and the probability that one method improves on another (the Mann-Whitney probability
  P(X > Y) + P(X = Y) / 2 of each task, averaged over the tasks): R. Agarwal and others, Deep reinforcement
  learning at the edge of the statistical precipice, NeurIPS 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from meta.statistics.estimators.arrays import Floats, matrix
from meta.statistics.estimators.ties import merged_scores
from meta.statistics.intervals.aggregate import Tasks
from meta.statistics.intervals.resampling import Resampling
from meta.statistics.intervals.stratified import stratified_interval


@dataclass(frozen=True)
class PerformanceProfile:
    """The share of problems that each solver solves at a cost within a factor of the best solver's.

    Attributes
    ----------
    factors : ndarray, shape (factors,)
        Ascending.
    shares : ndarray, shape (solvers, factors)
        At factor 1: how often the solver is (among) the best. At large factors: the share that it solves.
    problems : int
        Those that no solver solves are counted.
    """

    factors: Floats
    shares: Floats
    problems: int


def performance_profile(costs: ArrayLike, factors: ArrayLike | None = None) -> PerformanceProfile:
    """Return the Dolan-More profile of costs.

    Parameters
    ----------
    costs : array_like, shape (problems, solvers)
        Positive, smaller is better: time, evaluations, error. NaN or inf where a solver never solves a
        problem; -inf where it has solved it from the start: no finite cost is within a factor of that. Those
        of a problem that differ by rounding only are equal.
    factors : array_like, shape (factors,), optional
        Where to evaluate; by default at every factor at which a share changes.

    Raises
    ------
    ValueError
        A cost is not positive (there is no factor of zero), or there is no problem.
    """
    known = matrix(costs, "problems, solvers")
    from_start = np.asarray(costs, dtype=np.float64) == -np.inf
    if not known.size:
        raise ValueError("a profile needs at least one problem and one solver")
    if (known <= 0).any():
        raise ValueError("all costs must be positive: there is no factor of a cost that is zero or negative")
    known[np.isnan(known)] = np.inf
    known = merged_scores(known)
    best = known.min(axis=1, keepdims=True)
    comparable = np.isfinite(known) & ~from_start.any(axis=1, keepdims=True)
    ratios = np.divide(known, best, out=np.where(from_start, 1.0, np.inf), where=comparable)
    places = ratios[np.isfinite(ratios)] if factors is None else np.asarray(factors, dtype=np.float64)
    places = np.unique(np.append(places, 1.0) if factors is None else places)
    shares = np.stack([np.searchsorted(np.sort(column), places, side="right") for column in ratios.T])
    return PerformanceProfile(places, shares / len(known), len(known))


@dataclass(frozen=True)
class ScoreDistribution:
    """The share of a method's runs that score above each threshold.

    Attributes
    ----------
    thresholds : ndarray, shape (thresholds,)
    share, low, high : ndarray, shape (thresholds,)
        The intervals are pointwise.
    """

    thresholds: Floats
    share: Floats
    low: Floats
    high: Floats


def score_distribution(scores: ArrayLike, thresholds: ArrayLike, resampling: Resampling) -> ScoreDistribution:
    """Return the run-score distribution with stratified bootstrap intervals; each task counts the same.

    Parameters
    ----------
    scores : array_like, shape (repetitions, tasks)
        On one scale for all tasks, larger is better. A score that is not finite is missing.
    thresholds : array_like, shape (thresholds,)
    resampling : Resampling

    Raises
    ------
    ValueError
        A task has no finite score.
    """
    tasks = Tasks.of(scores)
    places = np.asarray(thresholds, dtype=np.float64)
    weights = np.repeat([1 / (size * len(tasks.sizes)) for size in tasks.sizes], tasks.sizes)
    above = (tasks.readings[:, None] > places) * weights[:, None]
    ends = stratified_interval(lambda counts: counts @ above, tasks.sizes, resampling)
    return ScoreDistribution(places, ends.estimate, ends.low, ends.high)


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
