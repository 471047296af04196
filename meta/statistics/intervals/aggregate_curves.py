"""The mean curve over several tasks, with its interval at each step.

What belongs together is described in `meta.statistics.intervals.aggregate`: repetitions of tasks of one
stratum are whole, each with its curves of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from meta.statistics.estimators.arrays import Booleans, Floats, Integers
from meta.statistics.intervals.aggregate import QUANTILES, Way, largest_ratios, strata_of
from meta.statistics.intervals.resampling import Resampling
from meta.statistics.intervals.rule import Methods, no_methods, t_methods
from meta.statistics.intervals.stratified import Statistic, stratified_interval
from meta.statistics.intervals.student import FEWEST, Bounds, Part, combined, student_ends


@dataclass(frozen=True)
class CurveAggregate:
    """A mean curve over tasks with its interval, per step.

    Attributes
    ----------
    estimate, low, high : ndarray, shape (steps,)
        Ends are NaN where there is no interval; where nothing varied it has no width.
    method : ndarray of str, shape (steps,)
        How the intervals were made; see `Method`.
    left_out : ndarray of int, shape (steps,)
        How many repetitions lack a reading of a task of their stratum: the interval by the rule is without
        them.
    """

    estimate: Floats
    low: Floats
    high: Floats
    method: Methods
    left_out: Integers


def aggregate_curves(  # noqa: PLR0913 - as of `aggregate`
    matrices: Sequence[Floats],
    resampling: Resampling,
    *,
    repetitions: Sequence[Integers],
    strata: Sequence[int],
    interval: Way | None = "rule",
    bounds: Bounds | None = None,
    ratios: ArrayLike | None = None,
) -> CurveAggregate:
    """Return the mean at each step over the means of several tasks.

    Parameters
    ----------
    matrices : sequence of ndarray, shape (repetitions, steps)
        One per task, on the same steps; NaN where a repetition has no reading. Where a task has none, there
        is no estimate, and in a drawing without one the step has none.
    resampling : Resampling
    repetitions : sequence of ndarray of int
        Which repetitions the rows of each matrix are.
    strata : sequence of int, shape (tasks,)
        Tasks with the same number share the seeds of their repetitions.
    interval : {"rule", "percentile", "bca"} or None
        As of `aggregate`, with the readings that each step has; None for none.
    bounds, ratios
        As of `aggregate`.
    """
    present = [np.isfinite(matrix) for matrix in matrices]
    fewest = np.min([finite.sum(axis=0) for finite in present], axis=0)
    groups = strata_of(strata, len(matrices))
    blocks = [_Stratum.of(tasks, matrices, present, repetitions) for tasks in groups]
    left_out = np.sum([block.left_out for block in blocks], axis=0)
    mean = _mean(matrices, present, blocks)
    units = tuple(len(block.means) for block in blocks)
    low, high = np.full((2, matrices[0].shape[1]), np.nan)
    method = no_methods(len(fewest))
    if interval is not None and interval != "rule" and fewest.max(initial=0) > 1:
        ends = stratified_interval(mean, units, replace(resampling, method=interval))
        low, high = (np.where(fewest < 2, np.nan, end) for end in (ends.low, ends.high))
        method[np.isfinite(low)] = QUANTILES[interval]
        return CurveAggregate(ends.estimate, low, high, method, left_out)
    estimate = mean(np.ones((1, sum(units))))[0]
    if interval == "rule":
        of_strata = np.zeros(len(groups)) if ratios is None else largest_ratios(ratios, groups)
        magnitude = np.max([_largest(*task) for task in zip(matrices, present, strict=True)], axis=0)
        found = combined(
            [
                Part(block.means, len(block.rows) / len(matrices), ratio, magnitude)
                for block, ratio in zip(blocks, of_strata.tolist(), strict=True)
            ]
        )
        low, high = student_ends(replace(found, estimate=estimate), resampling.level, bounds)
        # A point without a width is drawn as none, but a band goes on.
        has_no_width = found.nothing_varied & (found.count >= FEWEST)
        low, high = (np.where(has_no_width, estimate, end) for end in (low, high))
        method = t_methods(found, bounds)
    return CurveAggregate(estimate, low, high, method, left_out)


@dataclass(frozen=True)
class _Stratum:
    """Tasks that share the seeds of their repetitions.

    Attributes
    ----------
    rows : mapping of int to ndarray of int
        By task: which of the stratum's repetitions the rows of its matrix are.
    means : ndarray, shape (repetitions of the stratum, steps)
        Over the tasks; NaN where one has no reading.
    left_out : ndarray of int, shape (steps,)
        How many repetitions have readings of some of the tasks only.
    """

    rows: Mapping[int, Integers]
    means: Floats
    left_out: Integers

    @classmethod
    def of(
        cls,
        tasks: Integers,
        matrices: Sequence[Floats],
        present: Sequence[Booleans],
        repetitions: Sequence[Integers],
    ) -> _Stratum:
        known = np.unique(np.concatenate([repetitions[task] for task in tasks]))
        rows = {task: np.searchsorted(known, repetitions[task]) for task in tasks.tolist()}
        sums, here = np.zeros((2, len(known), matrices[0].shape[1]))
        for task, places in rows.items():
            # Divided first, so that no sum overflows.
            sums[places] += np.where(present[task], matrices[task], 0.0) / len(tasks)
            here[places] += present[task]
        is_whole = here == len(tasks)
        return cls(rows, np.where(is_whole, sums, np.nan), ((here > 0) & ~is_whole).sum(axis=0))


def _largest(matrix: Floats, finite: Booleans) -> Floats:
    """Return the size of the largest reading of each step."""
    largest: Floats = np.abs(matrix).max(axis=0, initial=0.0, where=finite)
    return largest


def _mean(matrices: Sequence[Floats], present: Sequence[Booleans], strata: Sequence[_Stratum]) -> Statistic:
    kept = [np.where(finite, matrix, 0.0) for finite, matrix in zip(present, matrices, strict=True)]
    # A product of numbers is much faster than one with booleans.
    weights = [finite.astype(np.float64) for finite in present]

    def mean(counts: Floats) -> Floats:
        total = np.zeros((len(counts), matrices[0].shape[1]))
        first = 0
        for stratum in strata:
            for task, places in stratum.rows.items():
                drawn = counts[:, first + places]
                weight = drawn @ weights[task]
                sums = drawn @ kept[task]
                total += np.divide(sums, weight, out=np.full_like(total, np.nan), where=weight > 0)
            first += len(stratum.means)
        return total / len(matrices)

    return mean
