"""Rankings against Demsar's worked example, scikit-posthocs and scipy.

The example is J. Demsar, Statistical comparisons of classifiers over multiple data sets, JMLR 7 (2006), table
6: the areas under the ROC curve of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets, with what sections
3.2.2 and 3.2.3 make of them. "voting" is printed as 0.975 twice, with ranks 2 and 3: one is 0.9749 here.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import scikit_posthocs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from statsmodels.stats.multitest import multipletests

from meta.statistics.comparisons.ranking import nemenyi, rank_methods, wilcoxon_holm

DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.975, 0.9749],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
RANDOM = np.random.default_rng(4).normal([0, 0.3, 0.5, 1.2, 1.5], 1, size=(20, 5))


def test_average_ranks_of_demsar() -> None:
    """The average ranks are those of the table."""
    found = rank_methods(DEMSAR, higher_is_better=True)
    np.testing.assert_allclose(found.average_ranks.round(3), [3.143, 2.000, 2.893, 1.964])


def test_friedman_of_demsar() -> None:
    """His 9.28, which ignores ties, follows from the ranks; ours is corrected for ties, as scipy's."""
    found = rank_methods(DEMSAR, higher_is_better=True)
    ignoring_ties = 12 * 14 / (4 * 5) * (np.sum(found.average_ranks**2) - 4 * 5**2 / 4)
    assert ignoring_ties == pytest.approx(9.28, abs=0.005)
    assert 13 * ignoring_ties / (14 * 3 - ignoring_ties) == pytest.approx(3.69, abs=0.005)
    expected = stats.friedmanchisquare(*DEMSAR.T)
    assert found.chi_square == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.chi_square >= ignoring_ties
    assert found.f_p_value < 0.05


def test_statistics_without_ties_are_demsars() -> None:
    """Without ties both statistics are his formulas."""
    found = rank_methods(RANDOM, higher_is_better=True)
    sets, methods = RANDOM.shape
    squares = np.sum(found.average_ranks**2) - methods * (methods + 1) ** 2 / 4
    chi_square = 12 * sets / (methods * (methods + 1)) * squares
    f = (sets - 1) * chi_square / (sets * (methods - 1) - chi_square)
    assert found.chi_square == pytest.approx(chi_square)
    assert found.f == pytest.approx(f)
    assert found.f_p_value == pytest.approx(stats.f.sf(f, methods - 1, (methods - 1) * (sets - 1)))


def test_critical_differences_of_demsar() -> None:
    """Nemenyi's critical difference is 1.25 at 5 % and 1.12 at 10 %, where two pairs differ."""
    ranking = rank_methods(DEMSAR, higher_is_better=True)
    found = nemenyi(ranking, level=0.9)
    assert nemenyi(ranking).critical_difference == pytest.approx(1.25, abs=0.005)
    assert found.critical_difference == pytest.approx(1.12, abs=0.005)
    assert found.p_values[0, 1] < 0.1
    assert found.p_values[0, 3] < 0.1
    assert found.p_values[2, 3] > 0.1
    assert found.cliques == ((3, 1, 2), (2, 0))


def test_nemenyi_agrees_with_scikit_posthocs() -> None:
    """The p of every pair is that of an independent implementation."""
    found = nemenyi(rank_methods(RANDOM, higher_is_better=True))
    expected = scikit_posthocs.posthoc_nemenyi_friedman(RANDOM).to_numpy()
    np.testing.assert_allclose(found.p_values, expected, atol=1e-6)
    apart = np.abs(np.subtract.outer(*[rank_methods(RANDOM, higher_is_better=True).average_ranks] * 2))
    assert ((found.p_values < 0.05) == (apart > found.critical_difference)).all()


def test_wilcoxon_holm_agrees_with_scipy_and_statsmodels() -> None:
    """The p are scipy's, corrected by statsmodels."""
    found = wilcoxon_holm(rank_methods(RANDOM, higher_is_better=True))
    above = np.triu_indices(5, 1)
    plain = [
        stats.wilcoxon(RANDOM[:, one], RANDOM[:, other]).pvalue for one, other in zip(*above, strict=True)
    ]
    np.testing.assert_allclose(found.p_values[above], multipletests(plain, method="holm")[1])
    np.testing.assert_array_equal(found.p_values, found.p_values.T)
    assert math.isnan(found.critical_difference)


def test_cliques_hold_no_pair_that_differs() -> None:
    """Bars join neighbours of which no pair differs; none lies in another, none could be longer."""
    ranking = rank_methods(RANDOM, higher_is_better=True)
    order = np.argsort(ranking.average_ranks).tolist()
    for groups in (nemenyi(ranking), wilcoxon_holm(ranking)):
        runs = [
            tuple(order[start:end])
            for start in range(5)
            for end in range(start + 2, 6)
            if (groups.p_values[np.ix_(order[start:end], order[start:end])] > 0.05).all()
        ]
        longest = [run for run in runs if not any(set(run) < set(other) for other in runs)]
        assert list(groups.cliques) == longest
        assert groups.cliques


def test_lower_may_be_better() -> None:
    """Of errors the smallest has rank 1."""
    found = rank_methods(-RANDOM, higher_is_better=False)
    np.testing.assert_array_equal(
        found.average_ranks, rank_methods(RANDOM, higher_is_better=True).average_ranks
    )


def test_degenerate_scores_say_so() -> None:
    """Equal methods, and data sets that all agree, have a result with a note; nothing warns."""
    equal = rank_methods(np.ones((4, 3)), higher_is_better=True)
    assert (equal.p_value, equal.f_p_value) == (1.0, 1.0)
    assert equal.note == "all methods are equal on every data set"
    assert nemenyi(equal).cliques == wilcoxon_holm(equal).cliques == ((0, 1, 2),)
    agreed = rank_methods([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], higher_is_better=True)
    assert (agreed.f, agreed.f_p_value) == (math.inf, 0.0)
    assert agreed.note == "all data sets rank the methods alike"


def test_scores_that_differ_by_rounding_are_tied() -> None:
    """A difference in the last bit, as of a mean in another order, ranks nothing."""
    above = np.nextafter(0.364, 1)
    scores = np.tile([0.364, above, 0.1], (15, 1))
    found = rank_methods(scores, higher_is_better=True)
    assert found.average_ranks.tolist() == [1.5, 1.5, 3.0]
    assert nemenyi(found).p_values[0, 1] == wilcoxon_holm(found).p_values[0, 1] == 1.0
    equal = rank_methods(np.tile([0.364, above, 0.364], (15, 1)), higher_is_better=False)
    assert equal.note == "all methods are equal on every data set"


def test_incomplete_data_sets_are_left_out_and_counted() -> None:
    """A data set that one method has no score of cannot rank."""
    scores = RANDOM.copy()
    scores[2, 1] = np.nan
    found = rank_methods(scores, higher_is_better=True)
    assert (found.left_out, len(found.scores)) == (1, 19)


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_infinite_scores_are_ranked_as_huge_ones(higher_is_better: bool) -> None:
    """Who never reaches a data set is last, with others, and who has from the start first, in each test."""
    scores = RANDOM[:10].copy()
    scores[:4, 0] = scores[2, :] = scores[5, 1:3] = np.inf
    scores[7, 3] = scores[9, :2] = -np.inf
    found = rank_methods(scores, higher_is_better=higher_is_better)
    huge = np.clip(scores, -1e30, 1e30)
    expected = stats.rankdata(-huge if higher_is_better else huge, axis=1).mean(axis=0)
    np.testing.assert_allclose(found.average_ranks, expected)
    assert found.p_value == pytest.approx(stats.friedmanchisquare(*huge.T).pvalue)
    assert found.left_out == 0
    above = np.triu_indices(5, 1)
    # Opposite infinities are no further apart than an infinite score and a finite one.
    differences = [
        np.clip(huge[:, one] - huge[:, other], -1e30, 1e30) for one, other in zip(*above, strict=True)
    ]
    plain = [
        stats.wilcoxon(difference[difference != 0], method=stats.PermutationMethod()).pvalue
        for difference in differences
    ]
    corrected = multipletests(plain, method="holm")[1]
    np.testing.assert_allclose(wilcoxon_holm(found).p_values[above], corrected)


def test_too_little_is_refused() -> None:
    """Two methods are a comparison; one data set ranks nothing."""
    with pytest.raises(ValueError, match="three methods or more, not 2"):
        rank_methods(RANDOM[:, :2], higher_is_better=True)
    with pytest.raises(ValueError, match=r"two or more data sets .* not 1"):
        rank_methods(RANDOM[:1], higher_is_better=True)


@settings(max_examples=30)
@given(arrays.arrays(np.float64, (6, 4), elements=st.integers(0, 5).map(float)), st.permutations(range(4)))
def test_ranks_do_not_depend_on_units_or_order(scores: np.ndarray, order: list[int]) -> None:
    """Another unit of each data set, or another order of the methods, ranks the same."""
    found = rank_methods(scores, higher_is_better=True)
    other = rank_methods(np.exp(scores[:, order]) * np.arange(1.0, 7.0)[:, None], higher_is_better=True)
    np.testing.assert_allclose(other.average_ranks, found.average_ranks[order])
    assert other.chi_square == pytest.approx(found.chi_square)
    assert found.average_ranks.sum() == pytest.approx(10.0)
