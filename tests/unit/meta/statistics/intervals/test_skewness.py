"""Skewness as scipy has it, and how often intervals of skewed readings hold the mean."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from meta.statistics.intervals.skewness import coverage_of_lognormal, is_skewed, skewness


@pytest.mark.parametrize("factor", [1.0, 1e-300, 1e150])
def test_skewness_is_that_of_scipy(factor: float) -> None:
    """Whatever the size of readings, without those that are missing."""
    readings = np.random.default_rng(1).lognormal(size=(12, 3)) * factor
    readings[:2, 1] = np.nan, np.inf
    expected = [stats.skew(column[np.isfinite(column)] / factor) for column in readings.T]
    np.testing.assert_allclose(skewness(readings), expected)


def test_skewness_beyond_two_standard_errors_counts() -> None:
    """Few readings, and equal ones, are not skewed; of normal ones one in twenty is by chance."""
    generator = np.random.default_rng(2)
    one_far = np.zeros((8, 1))
    one_far[-1] = 1
    assert is_skewed(one_far).tolist() == [True]
    assert is_skewed(one_far[1:]).tolist() == [False]
    assert is_skewed(np.ones((20, 1))).tolist() == [False]
    for count in (8, 30):
        assert is_skewed(generator.normal(size=(count, 20_000))).mean() == pytest.approx(0.05, abs=0.015)
    assert is_skewed(generator.lognormal(size=(30, 1_000))).mean() > 0.9


@pytest.mark.parametrize("count", [3, 5, 10, 30, 100])
def test_the_coverage_is_that_of_simulated_studies(count: int) -> None:
    """As many studies of lognormal readings as make a percent sure."""
    readings = np.random.default_rng(3).lognormal(size=(count, 20_000))
    reach = stats.t.ppf(0.975, count - 1) * stats.sem(readings, axis=0)
    held = np.abs(readings.mean(axis=0) - np.exp(0.5)) <= reach
    assert coverage_of_lognormal(count) == pytest.approx(100 * held.mean(), abs=1.5)


def test_between_two_numbers_the_smaller_one_counts() -> None:
    """It holds the mean at least so often."""
    assert [coverage_of_lognormal(count) for count in (9, 29, 5_000)] == [
        coverage_of_lognormal(count) for count in (5, 10, 100)
    ]
