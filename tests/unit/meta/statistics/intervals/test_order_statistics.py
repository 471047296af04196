"""Exact intervals of quantiles against scipy, and against the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from meta.statistics.estimators.location import MEDIAN, quantile
from meta.statistics.intervals.exact import minimum_count, quantile_interval


@pytest.mark.parametrize("count", [6, 7, 10, 25, 71, 100])
@pytest.mark.parametrize("percent", [50, 25, 75])
def test_interval_agrees_with_scipy(count: int, percent: int) -> None:
    """The ends are those of `scipy.stats.quantile_test`, where it has both; else the range, if it will do."""
    readings = np.random.default_rng(count).normal(size=count)
    found = quantile_interval(readings[:, None], quantile(percent))
    expected = stats.quantile_test(readings, p=percent / 100).confidence_interval(0.95)
    if math.isnan(expected.low) or math.isnan(expected.high):
        holds = 1 - (percent / 100) ** count - (1 - percent / 100) ** count
        ends = (readings.min(), readings.max()) if holds >= 0.93 else (math.nan, math.nan)
        np.testing.assert_array_equal((found.low[0], found.high[0]), ends)
    else:
        assert (found.low[0], found.high[0]) == (expected.low, expected.high)


@settings(max_examples=25)
@given(st.integers(1, 120), st.sampled_from([0.9, 0.95, 0.99]))
def test_coverage_of_the_median_by_counting(count: int, level: float) -> None:
    """The coverage is what fair coins give, is enough, and one reading further in would not be.

    Only the range of few readings may hold the median 0.02 less often than the level.
    """
    readings = np.arange(1.0, count + 1)
    found = quantile_interval(readings[:, None], level=level)
    coins = [math.comb(count, heads) / 2**count for heads in range(count + 1)]
    if np.isnan(found.low[0]):
        assert 1 - 2 * coins[0] < level - 0.02
        return
    lower, upper = int(found.low[0]), int(found.high[0])
    assert upper == count + 1 - lower
    assert found.coverage[0] == pytest.approx(sum(coins[lower:upper]))
    assert found.coverage[0] >= (level - 0.02 if (lower, upper) == (1, count) else level)
    assert sum(coins[lower + 1 : upper - 1]) < level


@pytest.mark.parametrize(
    ("percent", "level", "expected"),
    [(50, 0.95, 5), (50, 0.99, 7), (50, 0.9, 5), (95, 0.95, 52), (5, 0.95, 52)],
)
def test_minimum_is_the_first_with_an_interval(percent: int, level: float, expected: int) -> None:
    """From the minimum on there is an interval, and none with one reading less."""
    assert minimum_count(quantile(percent), level=level) == expected
    for count in (expected - 1, expected):
        found = quantile_interval(np.arange(float(count))[:, None], quantile(percent), level=level)
        assert np.isfinite(found.low[0]) == np.isfinite(found.high[0]) == (count == expected)


def test_columns_may_miss_readings() -> None:
    """Each column has the interval of its own readings, and one without any has none."""
    readings = np.arange(24.0).reshape(8, 3)
    readings[3, 1] = np.nan
    readings[:, 2] = np.nan
    found = quantile_interval(readings)
    assert found.count.tolist() == [8, 7, 0]
    kept = np.delete(readings[:, 1], 3)
    alone = quantile_interval(kept[:, None])
    assert (found.low[1], found.high[1]) == (alone.low[0], alone.high[0])
    assert np.isnan(found.estimate[2])


def test_extremes_never_have_an_interval() -> None:
    """Beyond the largest reading there is none that could bound it."""
    with pytest.raises(ValueError, match="no number of readings"):
        minimum_count(quantile(100))


@settings(max_examples=25)
@given(st.integers(-10, 10), st.integers(1, 9))
def test_interval_moves_with_the_readings(shift: int, scale: int) -> None:
    """Shift and scale carry over."""
    readings = np.random.default_rng(3).normal(size=(20, 2))
    found, moved = quantile_interval(readings), quantile_interval(scale * readings + shift, MEDIAN)
    np.testing.assert_allclose(moved.low, scale * found.low + shift)
