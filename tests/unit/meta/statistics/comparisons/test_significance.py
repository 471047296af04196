"""Tests and Holm's correction against scipy, statsmodels and full enumeration."""

from __future__ import annotations

import itertools
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from meta.statistics.comparisons.significance import holm, mann_whitney, permutation, wilcoxon

few = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=7)


def normal(count: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, size=count)


@pytest.mark.parametrize("count", [3, 6, 14, 30, 50])
def test_wilcoxon_agrees_with_scipy(count: int) -> None:
    """Without ties the p is scipy's exact one."""
    one, other = normal(count, 1, 0.5), normal(count, 2)
    found, expected = wilcoxon(one, other), stats.wilcoxon(one, other, method="exact")
    assert found.p_value == pytest.approx(expected.pvalue)
    assert min(found.statistic, count * (count + 1) / 2 - found.statistic) == expected.statistic


@pytest.mark.parametrize(("first", "second"), [(3, 4), (8, 5), (20, 25), (30, 30)])
def test_mann_whitney_agrees_with_scipy(first: int, second: int) -> None:
    """Without ties statistic and p are scipy's exact ones."""
    one, other = normal(first, 1, 0.5), normal(second, 2)
    found, expected = mann_whitney(one, other), stats.mannwhitneyu(one, other, method="exact")
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.statistic == expected.statistic


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8))
def test_wilcoxon_with_ties_agrees_with_all_signs(both: list[tuple[int, int]]) -> None:
    """With ties the p is the share of all assignments of signs that are as far out."""
    one, other = np.array(both, dtype=float).T
    found = wilcoxon(one, other)
    difference = (one - other)[one != other]
    if not len(difference):
        assert (found.p_value, found.note) == (1.0, "no pair differs")
        return
    ranks = stats.rankdata(np.abs(difference))
    sums = [ranks[list(signs)].sum() for signs in itertools.product([False, True], repeat=len(ranks))]
    seen = ranks[difference > 0].sum()
    expected = min(1.0, 2 * min(np.mean(np.array(sums) <= seen), np.mean(np.array(sums) >= seen)))
    assert found.p_value == pytest.approx(expected)
    assert found.p_value >= found.smallest_p * (1 - 1e-9)


@settings(max_examples=40)
@given(few, few)
def test_mann_whitney_with_ties_agrees_with_all_choices(one: list[float], other: list[float]) -> None:
    """With ties the p is the share of all ways to deal the readings that are as far out."""
    found = mann_whitney(one, other)
    ranks = stats.rankdata(one + other)
    if ranks.min() == ranks.max():
        assert (found.p_value, found.note) == (1.0, "all readings are equal")
        return
    sums = np.array([sum(some) for some in itertools.combinations(ranks, len(one))])
    seen = ranks[: len(one)].sum()
    expected = min(1.0, 2 * min(np.mean(sums <= seen), np.mean(sums >= seen)))
    assert found.p_value == pytest.approx(expected)
    assert found.p_value >= found.smallest_p * (1 - 1e-9)


def test_large_samples_take_the_normal_approximation() -> None:
    """Beyond what is counted out, the p is scipy's asymptotic one, close to the exact one."""
    one, other = normal(400, 1, 0.1), normal(400, 2)
    assert wilcoxon(one, other).p_value == pytest.approx(stats.wilcoxon(one, other, correction=True).pvalue)
    assert mann_whitney(one, other).p_value == pytest.approx(stats.mannwhitneyu(one, other).pvalue)
    assert wilcoxon(one[:200], other[:200]).p_value == pytest.approx(
        stats.wilcoxon(one[:200], other[:200], method="asymptotic").pvalue, rel=0.02
    )


def test_decimal_fractions_that_differ_equally_are_tied() -> None:
    """0.91 - 0.90 and 0.81 - 0.80 differ in the last bit only, and get the same rank."""
    exact = wilcoxon([91, 81, 52], [90, 80, 50])
    assert wilcoxon([0.91, 0.81, 0.52], [0.9, 0.8, 0.5]).statistic == exact.statistic
    assert wilcoxon([0.91, 0.80, 0.5], [0.9, 0.81, 0.5]).statistic == 1.5


@pytest.mark.parametrize("outlier", [1e6, 1e13, 1e20, 1e200])
@pytest.mark.parametrize("count", [20, 250])
def test_one_run_that_diverges_hides_no_other_difference(count: int, outlier: float) -> None:
    """What is rounding is told from each pair's own readings: p is scipy's, however large one pair is."""
    one = normal(count, 1, 10.0)
    other = one + 0.1 + normal(count, 2) / 100
    one[3], other[3] = outlier, 1.5 * outlier
    found = wilcoxon(one, other)
    assert found.sizes == (count, count)
    assert found.p_value == pytest.approx(stats.wilcoxon(one, other, correction=True).pvalue)
    one[3] = other[3]  # diverged alike
    assert wilcoxon(one, other).sizes == (count - 1, count - 1)
    assert wilcoxon(other, one).p_value == wilcoxon(one, other).p_value


@pytest.mark.parametrize("paired", [True, False])
def test_permutation_agrees_with_all_permutations(paired: bool) -> None:
    """Few repetitions are permuted in every way there is."""
    one, other = normal(5, 1, 1.0), normal(5, 2)
    found = permutation(one, other, paired=paired, seed=0)
    seen = abs(one.mean() - other.mean())
    if paired:
        flips = itertools.product([-1, 1], repeat=5)
        means = [abs(np.mean(np.array(signs) * (one - other))) for signs in flips]
    else:
        everything = np.concatenate([one, other])
        means = []
        for chosen in itertools.combinations(range(10), 5):
            mask = np.isin(np.arange(10), chosen)
            means.append(abs(everything[mask].mean() - everything[~mask].mean()))
    assert found.p_value == pytest.approx(np.mean(np.array(means) >= seen - 1e-12))
    assert found.statistic == pytest.approx(one.mean() - other.mean())


def test_random_permutations_depend_on_the_seed_only() -> None:
    """With many repetitions permutations are random, and the seed gives the same ones again."""
    one, other = normal(30, 1, 0.4), normal(30, 2)
    first, again = (permutation(one, other, paired=False, seed=4, resamples=2_000) for _ in range(2))
    assert first == again
    assert first.p_value == pytest.approx(stats.ttest_ind(one, other).pvalue, abs=0.03)


@pytest.mark.parametrize("paired", [True, False])
def test_degenerate_readings_say_so(paired: bool) -> None:
    """One repetition, none, or no difference at all give a result with a note, and nothing warns."""
    assert "fewer than two" in permutation([1.0], [2.0], paired=paired, seed=0).note
    equal = permutation([1.0, 1.0], [1.0, 1.0], paired=paired, seed=0)
    assert (equal.p_value, bool(equal.note)) == (1.0, True)
    rank = wilcoxon if paired else mann_whitney
    assert np.isnan(rank([np.nan], [np.nan]).p_value)
    assert rank([np.nan], [np.nan]).note
    assert rank([1.0], [2.0]).p_value == 1.0
    assert rank([1.0] * 3, [1.0] * 3).note


def test_missing_readings_leave_out_their_pair() -> None:
    """Of pairs both go; of independent repetitions only the missing one."""
    one, other = [1.0, np.nan, 3.0, 9.0], [2.0, 5.0, 1.0, np.inf]
    assert wilcoxon(one, other).sizes == (2, 2)
    assert mann_whitney(one, other).sizes == (3, 3)
    with pytest.raises(ValueError, match="no pairs"):
        wilcoxon([1.0, 2.0], [1.0])


@pytest.mark.parametrize("p_values", [[0.3], [0.01, 0.04, 0.03, 0.005], [0.5, 0.5, 0.9, 0.0, 1.0, 0.02]])
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    """The corrected p are those of statsmodels."""
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1])


@settings(max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_holm_does_not_depend_on_the_order(p_values: list[float], random: Random) -> None:
    """Corrected p belong to their comparison, are no smaller than before, and keep the plain ones' order."""
    found = holm(p_values)
    order = list(range(len(p_values)))
    random.shuffle(order)
    np.testing.assert_array_equal(holm([p_values[place] for place in order]), found[order])
    assert (found >= p_values).all()
    assert (np.diff(found[np.argsort(p_values)]) >= 0).all()


def test_holm_does_not_count_what_was_not_compared() -> None:
    """NaN stays NaN and makes the others no less significant."""
    np.testing.assert_allclose(holm([0.04, np.nan, 0.01]), [0.04, np.nan, 0.02])


@settings(max_examples=25)
@given(few, few, st.integers(-3, 3))
def test_swapping_and_shifting(one: list[float], other: list[float], shift: int) -> None:
    """The p does not depend on who is first, nor on a shift of both."""
    found = mann_whitney(one, other)
    assert mann_whitney(other, one).p_value == pytest.approx(found.p_value)
    moved = mann_whitney(np.array(one) + shift, np.array(other) + shift)
    assert moved.p_value == pytest.approx(found.p_value)
