"""One number for a method over several tasks, with its interval.

Repetitions that have the same seed in several tasks are good or bad together in all of them: such tasks are
one stratum, and whole repetitions are what is independent (A. C. Davison and D. V. Hinkley, Bootstrap Methods
and their Application, 1997, section 3.8: of hierarchical data, the units that are independent). Taken by
themselves, the luck that tasks share would seem to cancel out. Tasks that share nothing are strata of their
own, as in rliable (R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville and M. G. Bellemare, Deep
reinforcement learning at the edge of the statistical precipice, NeurIPS 2021).

The mean has Student's t interval of the repetitions' means, or of the weighted sum of those of the strata
(student.py). Of other estimators the drawings give the standard error: they are too narrow by the root of
(n - 1) / n, and t takes the place of the normal distribution (T. Hesterberg, What teachers should know about
the bootstrap, The American Statistician 69, 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from meta.statistics.estimators.arrays import Booleans, Floats, Integers, matrix
from meta.statistics.estimators.location import Estimator
from meta.statistics.intervals.resampling import Resampling
from meta.statistics.intervals.rule import Method, t_methods
from meta.statistics.intervals.stratified import (
    Statistic,
    estimate_of,
    standard_error_of,
    stratified_interval,
)
from meta.statistics.intervals.student import Bounds, Mean, Part, combined, student_ends, summed

Over = Literal["readings", "task means"]
#: How the interval is made: as the module says, or from quantiles of the drawings.
Way = Literal["rule", "percentile", "bca"]

#: Numbers held at once while a statistic is computed.
_NUMBERS_PER_BLOCK = 8_000_000
#: The intervals that are made from quantiles of the drawings.
QUANTILES: dict[Way, Method] = {"percentile": Method.PERCENTILE, "bca": Method.BCA}
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
        known, present = _known(scores)
        return cls(known.T[present.T], tuple(present.sum(axis=0).tolist()))

    @property
    def parts(self) -> list[slice]:
        """Where each task's readings are."""
        ends = np.cumsum(self.sizes).tolist()
        return [slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True)]


def _known(scores: ArrayLike) -> tuple[Floats, Booleans]:
    """Return scores, shape (repetitions, tasks), and which of them are finite."""
    known = matrix(scores, "repetitions, tasks")
    present = np.isfinite(known)
    empty = np.flatnonzero(~present.any(axis=0)).tolist()
    if empty or not known.shape[1]:
        raise ValueError(
            f"tasks {empty} (counted from 0) have no finite score: leave them out for all methods alike"
            if empty
            else "there is no task to aggregate over"
        )
    return known, present


@dataclass(frozen=True)
class Aggregate:
    """A number over tasks with its interval.

    Attributes
    ----------
    estimate, low, high : float
        The interval is about other repetitions of the same tasks, not about other tasks. Ends are NaN where
        there is none.
    sizes : tuple of int
        How many repetitions each task has.
    method : Method
        How the interval was made.
    left_out : int
        How many repetitions lack a task of their stratum, so that their means are not those of others: the
        standard error of the mean, and degrees of freedom, are without them.
    """

    estimate: float
    low: float
    high: float
    sizes: tuple[int, ...]
    method: Method
    left_out: int


def aggregate(  # noqa: PLR0913 - what is estimated, and what its interval takes into account
    scores: ArrayLike,
    resampling: Resampling,
    estimator: Estimator,
    *,
    strata: Sequence[int],
    over: Over = "readings",
    interval: Way = "rule",
    bounds: Bounds | None = None,
    ratios: ArrayLike | None = None,
) -> Aggregate:
    """Return an estimate over all tasks.

    Parameters
    ----------
    scores : array_like, shape (repetitions, tasks)
        On one scale for all tasks. A score that is not finite is missing.
    resampling : Resampling
    estimator : Estimator
    strata : sequence of int, shape (tasks,)
        Tasks with the same number share the seeds of their repetitions (rows), which are whole then: one that
        is drawn is drawn with its scores of all these tasks. A drawing without any score of a task has no
        estimate and does not count.
    over : {"readings", "task means"}
        What the estimator is taken of: all readings of all tasks together (rliable's IQM and mean), or the
        tasks' means over their repetitions (rliable's median).
    interval : {"rule", "percentile", "bca"}
        Student's t of the mean over task means, else t times the standard error by the drawings: from three
        complete repetitions of each stratum on. Or one of the drawings: from two readings of each task on.
    bounds : tuple of float or None, optional
        The ends of the range of the scores, for the interval of the mean by the rule.
    ratios : array_like, shape (tasks,), optional
        Test/train where repetitions are resampled splits of one data set, for the intervals by the rule; a
        stratum takes the largest of its tasks.

    Raises
    ------
    ValueError
        A task has no finite score, or no stratum.
    """
    if over not in ("readings", "task means"):
        raise ValueError(f"an aggregate is over 'readings' or 'task means', not {over!r}")
    known, present = _known(scores)
    columns = strata_of(strata, known.shape[1])
    blocks = [_Stratum.of(known, present, places) for places in columns]
    statistic = _statistic(estimator, over, known, blocks)
    units = tuple(len(block.rows) for block in blocks)
    sizes: tuple[int, ...] = tuple(present.sum(axis=0).tolist())
    estimate = float(statistic(np.ones((1, sum(units))))[0, 0])
    left_out = sum(int((~block.here.all(axis=1)).sum()) for block in blocks)
    magnitude = float(np.abs(known[present]).max())
    if interval != "rule":
        low, high, method = np.nan, np.nan, Method.NONE
        if min(sizes) > 1:
            ends = stratified_interval(statistic, units, replace(resampling, method=interval))
            low, high = float(ends.low[0]), float(ends.high[0])
            # Tasks whose readings are all equal: what is left of a width is rounding.
            if high - low <= _ROUNDING * magnitude:
                low = high = estimate
            method = QUANTILES[interval] if np.isfinite(low) else Method.NONE
        return Aggregate(estimate, low, high, sizes, method, left_out)
    of_strata = np.zeros(len(blocks)) if ratios is None else largest_ratios(ratios, columns)
    mean = _mean_of(blocks, of_strata, magnitude)
    error = None
    if over != "task means" or not estimator.is_linear:
        error = standard_error_of(statistic, units, resampling)
        mean = with_error(mean, error, magnitude=magnitude, ratio=float(of_strata.max()))
    mean = replace(mean, estimate=np.array([estimate]))
    low, high, method = ends_of(mean, resampling.level, bounds if error is None else None)
    if method == Method.T and error is not None:
        method = Method.BOOTSTRAP_T
    return Aggregate(estimate, low, high, sizes, method, left_out)


def _mean_of(strata: Sequence[_Stratum], ratios: Floats, magnitude: float) -> Mean:
    """Return the mean over task means of whole repetitions, of strata that are independent.

    What `combined` gives of one part for each stratum; with as many strata as tasks it is much faster to take
    them as columns.
    """
    means = np.full((max(len(stratum.rows) for stratum in strata), len(strata)), np.nan)
    for column, stratum in enumerate(strata):
        means[: len(stratum.rows), column] = stratum.means[:, 0]
    apart = combined([Part(means, ratio=ratios, magnitude=magnitude)])
    weights = np.array([[len(stratum.columns)] for stratum in strata], dtype=np.float64)
    weights /= weights.sum()
    parts = apart.estimate[:, None], apart.standard_error[:, None], apart.count[:, None]
    return summed(weights * parts[0], weights * parts[1], parts[2])


def ends_of(mean: Mean, level: float, bounds: Bounds | None = None) -> tuple[float, float, Method]:
    """Return the ends of the t interval of a single mean, and how it was made."""
    low, high = student_ends(mean, level, bounds)
    return float(low[0]), float(high[0]), Method(t_methods(mean, bounds)[0])


def with_error(mean: Mean, error: Floats, *, magnitude: float, ratio: float = 0.0) -> Mean:
    """Return a mean with the standard error of another estimate of the same repetitions, by the drawings.

    Parameters
    ----------
    mean : Mean
        Its degrees of freedom stay.
    error : ndarray, shape (columns,)
        The standard deviation of the drawings.
    magnitude : float
        The size of the largest reading, of which an error that is no more than its rounding is none.
    ratio : float
        Test/train of resampled splits, the largest of the strata; else 0.
    """
    count = np.maximum(mean.count, 2)
    known = np.where(mean.nothing_varied | (error <= _ROUNDING * magnitude), 0.0, error)
    # Drawings vary by (n - 1) / n of the variance; that of resampled splits is not 1 / n but 1 / n + ratio.
    factor = np.sqrt(count / (count - 1) * (1 + count * ratio))
    return replace(mean, standard_error=factor * known)


def strata_of(strata: Sequence[int], tasks: int) -> list[Integers]:
    """Return the places of the tasks of each stratum.

    Raises
    ------
    ValueError
        There is not one number for each task.
    """
    labels = np.asarray(strata)
    if labels.shape != (tasks,):
        raise ValueError(f"there are {tasks} tasks, and strata of shape {labels.shape}: one each is needed")
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def largest_ratios(ratios: ArrayLike, strata: Sequence[Integers]) -> Floats:
    """Return the largest test/train of the tasks of each stratum."""
    known = np.asarray(ratios, dtype=np.float64)
    return np.array([known[columns].max() for columns in strata])


@dataclass(frozen=True)
class _Stratum:
    """Tasks that share the seeds of their repetitions.

    Attributes
    ----------
    columns : ndarray of int
        Which tasks these are.
    rows : ndarray of int
        The repetitions that have a score of any of them.
    here : ndarray of bool, shape (rows, columns)
        Which scores there are.
    means : ndarray, shape (rows, 1)
        Of each repetition over the tasks; NaN where one is missing.
    """

    columns: Integers
    rows: Integers
    here: Booleans
    means: Floats

    @classmethod
    def of(cls, known: Floats, present: Booleans, columns: Integers) -> _Stratum:
        rows = np.flatnonzero(present[:, columns].any(axis=1))
        places = np.ix_(rows, columns)
        # Divided first, so that no sum overflows.
        means = (known[places] / len(columns)).sum(axis=1, keepdims=True)
        return cls(columns, rows, present[places], means)


def _statistic(estimator: Estimator, over: Over, known: Floats, strata: Sequence[_Stratum]) -> Statistic:
    """Return the statistic of how often each repetition of each stratum was drawn."""
    present = np.isfinite(known)
    readings = known.T[present.T]
    scale = max(float(np.abs(readings).max()), np.finfo(np.float64).tiny)
    # In units of the largest reading no sum overflows.
    scores = np.where(present, known, 0.0) / scale
    ends = np.cumsum([len(stratum.rows) for stratum in strata]).tolist()
    drawn_places = [slice(end - len(stratum.rows), end) for stratum, end in zip(strata, ends, strict=True)]
    place_of = np.zeros(known.shape, dtype=np.int64)
    for stratum, place in zip(strata, drawn_places, strict=True):
        place_of[np.ix_(stratum.rows, stratum.columns)] = np.arange(place.start, place.stop)[:, None]
    units = place_of.T[present.T]
    of_readings = estimate_of(estimator, readings)

    def some(counts: Floats) -> Floats:
        weights, sums = np.empty((2, len(counts), known.shape[1]))
        for stratum, place in zip(strata, drawn_places, strict=True):
            drawn = counts[:, place]
            weights[:, stratum.columns] = drawn @ stratum.here.astype(np.float64)
            if over == "task means":
                sums[:, stratum.columns] = drawn @ scores[np.ix_(stratum.rows, stratum.columns)]
        if over == "readings":
            estimates = of_readings(counts[:, units])
        else:
            means = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)
            averaged = means.mean(axis=1) if estimator.is_linear else estimator.of(means.T)
            estimates = scale * averaged[:, None]
        estimates[(weights == 0).any(axis=1)] = np.nan
        return estimates

    together = max(1, _NUMBERS_PER_BLOCK // max(len(readings), known.shape[1]))

    def statistic(counts: Floats) -> Floats:
        starts = range(0, len(counts), together)
        return np.vstack([some(counts[start : start + together]) for start in starts])

    return statistic
