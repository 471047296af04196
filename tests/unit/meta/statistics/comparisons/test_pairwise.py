"""Comparisons put together what the parts find, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from meta.statistics.comparisons.difference import difference
from meta.statistics.comparisons.effects import effect_sizes
from meta.statistics.comparisons.pairwise import compare_all
from meta.statistics.comparisons.sample_size import repetitions_to_decide
from meta.statistics.comparisons.significance import mann_whitney, permutation, wilcoxon
from meta.statistics.estimators.location import MEDIAN
from meta.statistics.intervals.resampling import Resampling

LUCK = np.random.default_rng(0).normal(size=15)
SAMPLES = {
    name: LUCK + np.random.default_rng(seed).normal(mean, 0.5, size=15)
    for seed, (name, mean) in enumerate({"adam": 1.0, "sgd": 0.2, "none": 0.0}.items(), start=1)
}
HOW = Resampling(3, resamples=500)


@pytest.mark.parametrize("paired", [True, False])
def test_each_pair_has_its_parts(paired: bool) -> None:
    """Names, difference, effect, test and plan are those of the pair; p is corrected over all pairs."""
    found = compare_all(SAMPLES, HOW, MEDIAN, paired=paired)
    assert [(one.first, one.second) for one in found] == [("adam", "sgd"), ("adam", "none"), ("sgd", "none")]
    test = wilcoxon if paired else mann_whitney
    plain = []
    for one in found:
        first, second = SAMPLES[one.first], SAMPLES[one.second]
        assert one.difference == difference(first, second, HOW, MEDIAN, paired=paired)
        assert one.effects == effect_sizes(first, second)
        assert one.significance == test(first, second)
        assert one.plan == repetitions_to_decide(first, second, paired=paired, comparisons=3)
        assert one.warnings == ()
        wide = Resampling(3, level=1 - 0.05 / 3, resamples=500)
        assert one.simultaneous == difference(first, second, wide, MEDIAN, paired=paired)
        plain.append(one.significance.p_value)
    np.testing.assert_allclose([one.corrected_p for one in found], multipletests(plain, method="holm")[1])
    assert [one.is_significant for one in found] == [one.corrected_p <= 0.05 for one in found]


def test_pairs_find_what_independent_repetitions_do_not() -> None:
    """Shared luck hides the difference unless pairs are compared."""
    [paired], [unpaired] = (
        compare_all({name: SAMPLES[name] for name in ("adam", "sgd")}, HOW, paired=one)
        for one in (True, False)
    )
    assert paired.corrected_p < unpaired.corrected_p
    assert paired.is_significant


def test_permutations_instead_of_ranks() -> None:
    """The permutation test takes seed and number from the resampling."""
    found = compare_all(SAMPLES, HOW, paired=True, test="permutation")
    expected = permutation(SAMPLES["adam"], SAMPLES["sgd"], paired=True, seed=3, resamples=500)
    assert found[0].significance == expected
    with pytest.raises(ValueError, match="'rank' or 'permutation'"):
        compare_all(SAMPLES, HOW, paired=True, test="t")  # type: ignore[arg-type]  # wrong on purpose


def test_too_few_repetitions_are_said() -> None:
    """Three repetitions give numbers with a guard, equal ones a p of 1, and nothing warns."""
    samples = {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0], "c": [2.0, 4.0, np.nan]}
    found = compare_all(samples, HOW, MEDIAN, paired=True)
    assert "no pair differs" in found[0].warnings[0]
    assert all("is too small for the Wilcoxon" in one.warnings[0] for one in found[1:])
    assert (found[0].corrected_p, found[0].plan.needed) == (1.0, None)
    assert found[1].effects.sizes == found[1].difference.sizes == (2, 2)


def test_fewer_than_two_methods_are_no_comparison() -> None:
    """There is no pair, and no result."""
    assert compare_all({"a": [1.0]}, HOW, paired=False) == []
