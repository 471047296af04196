"""Performance profiles by their definition; score distributions against rliable (see test_aggregate.py)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from meta.statistics.comparisons.over_tasks import performance_profile, score_distribution
from meta.statistics.intervals.resampling import Resampling

costs_of_solvers = arrays.arrays(
    np.float64, (5, 3), elements=st.integers(1, 20).map(float) | st.sampled_from([np.nan, np.inf])
)


def test_profile_by_hand() -> None:
    """Three problems and two solvers: the shares of Dolan and More's definition, reckoned by hand."""
    costs = [[2.0, 4.0], [3.0, 3.0], [np.nan, 5.0]]
    found = performance_profile(costs)
    assert found.factors.tolist() == [1.0, 2.0]
    np.testing.assert_allclose(found.shares, [[2 / 3, 2 / 3], [2 / 3, 1.0]])


@settings(max_examples=25)
@given(costs_of_solvers)
def test_profile_agrees_with_the_definition(costs: np.ndarray) -> None:
    """A share is how many problems have a cost of at most the factor times the best, among all problems."""
    factors = [1.0, 1.5, 2.0, 3.0, 50.0]
    found = performance_profile(costs, factors)
    for solver in range(3):
        for place, factor in enumerate(factors):
            solved = sum(
                bool(np.isfinite(row[solver])) and row[solver] / np.min(row[np.isfinite(row)]) <= factor
                for row in costs
            )
            assert found.shares[solver, place] == solved / 5
    assert (np.diff(found.shares, axis=1) >= 0).all()


@settings(max_examples=25)
@given(costs_of_solvers, st.integers(1, 4), st.permutations(range(5)))
def test_profile_ignores_units_and_order(costs: np.ndarray, power: int, order: list[int]) -> None:
    """Costs in another unit, or problems in another order, have the same profile."""
    found = performance_profile(costs)
    other = performance_profile(costs[order] * 2.0**power)
    np.testing.assert_array_equal(other.shares, found.shares)
    np.testing.assert_array_equal(other.factors, found.factors)


def test_what_was_solved_from_the_start_is_the_best() -> None:
    """By hand: no finite cost is within a factor of minus infinity, and a problem that none solves counts."""
    found = performance_profile([[-np.inf, 4.0], [2.0, 4.0], [np.inf, np.nan], [-np.inf, -np.inf]])
    assert found.factors.tolist() == [1.0, 2.0]
    np.testing.assert_allclose(found.shares, [[3 / 4, 3 / 4], [1 / 4, 2 / 4]])
    assert found.problems == 4


def test_costs_that_differ_by_rounding_are_both_best() -> None:
    """Equal means in another order of the readings are no factor apart, beside a huge cost too."""
    mean = sum([0.36, 0.41, 0.3, 0.39, 0.36]) / 5
    for costs in ([mean, np.nextafter(mean, 1), 1e15], [np.nextafter(mean, 1), mean, 1e15]):
        found = performance_profile([costs, costs])
        np.testing.assert_array_equal(found.shares[:, 0], [1.0, 1.0, 0.0])
        assert len(found.factors) == 2


def test_default_factors_are_where_shares_change() -> None:
    """Between the default factors nothing happens; the last one has every problem that is solved."""
    costs = np.random.default_rng(1).gamma(2, size=(20, 3))
    found = performance_profile(costs)
    assert found.factors[0] == 1.0
    assert (np.diff(found.shares, axis=1).sum(axis=0) > 0).all()
    assert (found.shares[:, -1] == 1).all()


@pytest.mark.parametrize("wrong", [0.0, -1.0])
def test_costs_must_be_positive(wrong: float) -> None:
    """There is no factor of zero."""
    with pytest.raises(ValueError, match="costs must be positive"):
        performance_profile([[1.0, wrong]])
    with pytest.raises(ValueError, match="at least one problem"):
        performance_profile(np.empty((0, 2)))


def test_score_distribution_agrees_with_rliable() -> None:
    """Shares and pointwise intervals are rliable's."""
    run, task = np.mgrid[:8, :5]
    scores = ((run * 7 + task * 5 + run * run) % 11 + 1.0) ** 1.5 * (task + 1)
    found = score_distribution(scores, [2, 8, 16, 32, 64], Resampling(1))
    np.testing.assert_allclose(found.share, [0.95, 0.85, 0.725, 0.55, 0.35])
    np.testing.assert_allclose(found.low, [0.875, 0.75, 0.6, 0.45, 0.25], atol=0.0251)
    np.testing.assert_allclose(found.high, [1.0, 0.95, 0.85, 0.675, 0.45], atol=0.0251)


def test_tasks_count_the_same_whatever_their_repetitions() -> None:
    """A task with fewer runs weighs as much as the others."""
    scores = np.array([[1.0, 5.0], [np.nan, 6.0], [np.nan, 0.0], [np.nan, 0.0]])
    found = score_distribution(scores, [0.5, 5.5], Resampling(1, resamples=50))
    np.testing.assert_allclose(found.share, [0.75, 0.125])
