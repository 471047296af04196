"""Methods compared two by two: difference, interval, effect, corrected p, and what would decide it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from meta.statistics.arrays import pairs
from meta.statistics.difference import Difference, difference
from meta.statistics.effects import Effects, effect_sizes
from meta.statistics.guards import interval_guards, significance_guards
from meta.statistics.location import MEAN, Estimator
from meta.statistics.resampling import Resampling
from meta.statistics.sample_size import Plan, repetitions_to_decide
from meta.statistics.significance import Significance, holm, mann_whitney, permutation, wilcoxon

Test = Literal["rank", "permutation"]


@dataclass(frozen=True)
class PairComparison:
    """Two methods.

    Attributes
    ----------
    first, second : str
        Their names; a positive difference means that the first's readings are larger.
    difference : Difference
    effects : Effects
    significance : Significance
    corrected_p : float
        The p of `significance` after Holm's correction for all pairs; NaN where there was nothing to test.
    plan : Plan
        How many repetitions of each would find a difference of this size, among as many comparisons.
    guards : tuple of str
        What is too small to stand on.
    """

    first: str
    second: str
    difference: Difference
    effects: Effects
    significance: Significance
    corrected_p: float
    plan: Plan
    guards: tuple[str, ...]

    @property
    def is_significant(self) -> bool:
        """Say whether the corrected p is at most 1 less the level of the intervals."""
        return self.corrected_p <= 1 - self.difference.resampling.level


def compare_all(
    samples: Mapping[str, ArrayLike],
    resampling: Resampling,
    estimator: Estimator = MEAN,
    *,
    paired: bool,
    test: Test = "rank",
) -> list[PairComparison]:
    """Return the comparison of each pair of methods, in the order of `samples`.

    Parameters
    ----------
    samples : mapping of str to array_like, shape (repetitions,)
        The readings of each method, each with a finite one at least.
    resampling : Resampling
    estimator : Estimator
        What the differences and their intervals are of; the tests do not depend on it.
    paired : bool
        The same place is the same repetition, run with the same seed, in all methods.
    test : {"rank", "permutation"}
        Wilcoxon's signed-rank or the Mann-Whitney test; or the permutation test of the difference of means.

    Raises
    ------
    ValueError
        A pair has no readings to compare, or pairs are not of equal length.
    """
    names = list(itertools.combinations(samples, 2))
    tests = [
        _significance(samples[first], samples[second], resampling, paired=paired, test=test)
        for first, second in names
    ]
    corrected = holm([found.p_value for found in tests])
    return [
        _pair(
            (first, second),
            (samples[first], samples[second]),
            difference(samples[first], samples[second], resampling, estimator, paired=paired),
            tested=(found, float(p_value), len(names)),
        )
        for (first, second), found, p_value in zip(names, tests, corrected, strict=True)
    ]


def _significance(
    first: ArrayLike, second: ArrayLike, resampling: Resampling, *, paired: bool, test: Test
) -> Significance:
    if test == "permutation":
        return permutation(first, second, paired=paired, seed=resampling.seed, resamples=resampling.resamples)
    if test != "rank":
        raise ValueError(f"there is no test {test!r}: use 'rank' or 'permutation'")
    return wilcoxon(first, second) if paired else mann_whitney(first, second)


def _pair(
    names: tuple[str, str],
    readings: tuple[ArrayLike, ArrayLike],
    found: Difference,
    *,
    tested: tuple[Significance, float, int],
) -> PairComparison:
    significance, corrected_p, comparisons = tested
    used = pairs(*readings) if found.paired else readings
    level = found.resampling.level
    plan = repetitions_to_decide(*used, paired=found.paired, level=level, comparisons=comparisons)
    guards = (
        *interval_guards(min(found.sizes), found.estimator, level=level),
        *significance_guards(significance, comparisons=comparisons, level=level),
    )
    return PairComparison(
        *names, found, effect_sizes(*used), significance, corrected_p, plan=plan, guards=guards
    )
