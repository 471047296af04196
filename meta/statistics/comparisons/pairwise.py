"""Pairwise comparison of methods: difference, interval, effect size, corrected p, sample size needed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from numpy.typing import ArrayLike

from meta.statistics.comparisons.difference import (
    Difference,
    Stratum,
    difference_over,
    refuse_unpaired_splits,
)
from meta.statistics.comparisons.effects import Effects, effect_sizes
from meta.statistics.comparisons.resampled_splits import corrected_resampled_t, splits_to_decide
from meta.statistics.comparisons.sample_size import Plan, repetitions_to_decide, significance_warnings
from meta.statistics.comparisons.significance import Significance, holm, mann_whitney, permutation, wilcoxon
from meta.statistics.estimators.arrays import pairs
from meta.statistics.estimators.location import MEAN, Estimator
from meta.statistics.intervals.resampling import Resampling

Test = Literal["rank", "permutation"]


@dataclass(frozen=True)
class PairComparison:
    """The comparison of two methods.

    Attributes
    ----------
    first, second : str
        Their names; a positive difference means that the first's readings are larger.
    difference : Difference
        Its interval is by itself.
    simultaneous : Difference
        With the interval at a level that Bonferroni's correction gives: all of them together hold the true
        differences as often as the level says.
    effects : Effects
    significance : Significance
    corrected_p : float
        The p of `significance` after Holm's correction for all pairs; NaN where there was nothing to test.
    plan : Plan
        How many repetitions of each would find a difference of this size, among as many comparisons.
    warnings : tuple of str
        On samples that are too small.
    """

    first: str
    second: str
    difference: Difference
    simultaneous: Difference
    effects: Effects
    significance: Significance
    corrected_p: float
    plan: Plan
    warnings: tuple[str, ...]

    @property
    def is_significant(self) -> bool:
        """Whether the corrected p is at most 1 less the level of the intervals."""
        return self.corrected_p <= 1 - self.difference.resampling.level


def compare_all(
    samples: Mapping[str, ArrayLike],
    resampling: Resampling,
    estimator: Estimator = MEAN,
    *,
    paired: bool,
    test: Test = "rank",
    ratio: float = 0.0,
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
    ratio : float
        Test/train where repetitions are resampled splits of one data set: the test is then the corrected
        resampled t test of pairs. Else 0.

    Raises
    ------
    ValueError
        A pair has no readings to compare, pairs are not of equal length, or splits are not paired.
    """
    methods = {
        (first, second): (samples[first], samples[second])
        for first, second in itertools.combinations(samples, 2)
    }
    strata = {
        names: [Stratum.of(*readings, paired=paired, ratio=ratio)] for names, readings in methods.items()
    }
    return compare_pairs(methods, resampling, estimator, paired=paired, test=test, strata=strata)


def compare_pairs(
    samples: Mapping[tuple[str, str], tuple[ArrayLike, ArrayLike]],
    resampling: Resampling,
    estimator: Estimator = MEAN,
    *,
    paired: bool,
    test: Test = "rank",
    strata: Mapping[tuple[str, str], Sequence[Stratum]] | None = None,
) -> list[PairComparison]:
    """Return the comparison of some pairs of methods; p values are corrected for these only.

    Parameters
    ----------
    samples : mapping of (first, second) to two array_like, shape (repetitions,)
        The readings of both methods; those of one method may differ between its pairs, when not all of them
        have a partner in each.
    resampling, estimator, paired, test
        As of `compare_all`.
    strata : mapping of (first, second) to sequence of Stratum, optional
        What the differences are of, where not of one stratum with these readings; and the tests too, where
        repetitions are resampled splits.

    Raises
    ------
    ValueError
        A pair has no readings to compare, pairs are not of equal length, or splits are not paired.
    """
    if strata is None:
        strata = {names: [Stratum.of(*found, paired=paired)] for names, found in samples.items()}
    tests = [
        _significance(*readings, strata[names], resampling, paired=paired, test=test)
        for names, readings in samples.items()
    ]
    corrected = holm([test.p_value for test in tests]).tolist()
    level = resampling.level
    decided = sum(p_value <= 1 - level for p_value in corrected)
    # Holm corrects the others as if the significant comparisons had not been made.
    undecided = max(1, len(samples) - decided)
    bonferroni = replace(resampling, level=1 - (1 - level) / max(1, len(samples)))
    compared = []
    for (names, readings), significance, p_value in zip(samples.items(), tests, corrected, strict=True):
        apart, wider = (
            difference_over(strata[names], how, estimator, paired=paired) for how in (resampling, bonferroni)
        )
        used = pairs(*readings) if paired else readings
        plan = (
            splits_to_decide(strata[names], level=level, comparisons=len(samples))
            if _are_splits(strata[names])
            else repetitions_to_decide(*used, paired=paired, level=level, comparisons=len(samples))
        )
        warnings = significance_warnings(significance, comparisons=undecided, level=level)
        effects = effect_sizes(*used)
        compared.append(PairComparison(*names, apart, wider, effects, significance, p_value, plan, warnings))
    return compared


def _are_splits(strata: Sequence[Stratum]) -> bool:
    return any(part.ratio > 0 for part in strata)


def _significance(
    first: ArrayLike,
    second: ArrayLike,
    strata: Sequence[Stratum],
    resampling: Resampling,
    *,
    paired: bool,
    test: Test,
) -> Significance:
    refuse_unpaired_splits(strata, paired=paired)
    if _are_splits(strata):
        return corrected_resampled_t(strata)
    if test == "permutation":
        return permutation(first, second, paired=paired, seed=resampling.seed, resamples=resampling.resamples)
    if test != "rank":
        raise ValueError(f"there is no test {test!r}: use 'rank' or 'permutation'")
    return wilcoxon(first, second) if paired else mann_whitney(first, second)
