"""Differences and their intervals against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from meta.statistics.comparisons.difference import difference
from meta.statistics.estimators.location import IQM, MEAN, MEDIAN, Estimator
from meta.statistics.intervals.resampling import Method, Resampling

FIRST = np.random.default_rng(1).gamma(2, size=25)
SECOND = 0.7 * FIRST + np.random.default_rng(2).gamma(1, 0.3, size=25)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize(
    ("one", "independent"),
    [(MEAN, np.mean), (MEDIAN, np.median), (IQM, lambda x, axis: stats.trim_mean(x, 0.25, axis=axis))],
    ids=["mean", "median", "iqm"],
)
def test_interval_agrees_with_scipy(
    one: Estimator, independent: object, method: Method, paired: bool
) -> None:
    """The interval is scipy's for two samples, whether pairs or each by itself are drawn."""
    found = difference(FIRST, SECOND, Resampling(1, method=method), one, paired=paired)
    expected = stats.bootstrap(
        (FIRST, SECOND),
        lambda x, y, axis: independent(x, axis=axis) - independent(y, axis=axis),  # type: ignore[operator]  # either is called so
        paired=paired,
        method={"percentile": "percentile", "bca": "BCa"}[method],
        n_resamples=10_000,
        rng=3,
    ).confidence_interval
    width = expected.high - expected.low
    assert found.estimate == pytest.approx(independent(FIRST, axis=0) - independent(SECOND, axis=0))  # type: ignore[operator]  # as above
    assert found.low == pytest.approx(expected.low, abs=0.07 * width)
    assert found.high == pytest.approx(expected.high, abs=0.07 * width)
    assert found.first - found.second == pytest.approx(found.estimate)


def test_pairs_are_narrower() -> None:
    """Luck that both share cancels when pairs are drawn."""
    paired, unpaired = (difference(FIRST, SECOND, Resampling(1), paired=one) for one in (True, False))
    assert paired.high - paired.low < 0.6 * (unpaired.high - unpaired.low)


def test_missing_readings() -> None:
    """A pair with a missing reading is left out; of independent repetitions only the missing one."""
    first, second = FIRST.copy(), SECOND.copy()
    first[3], second[5] = np.nan, np.inf
    assert difference(first, second, Resampling(1, resamples=10), paired=True).sizes == (23, 23)
    assert difference(first, second, Resampling(1, resamples=10), paired=False).sizes == (24, 24)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_degenerate_readings(method: Method) -> None:
    """Single repetitions have no interval, equal ones a point, none at all are refused."""
    how = Resampling(0, resamples=100, method=method)
    single = difference([1.0], [3.0], how, paired=False)
    assert single.estimate == -2.0
    assert np.isnan([single.low, single.high]).all()
    one_sided = difference([1.0], [3.0, 4.0, 6.0], how, paired=False)
    assert one_sided.low < one_sided.high
    equal = difference([0.1] * 5, [0.1] * 5, how, paired=True)
    assert (equal.low, equal.estimate, equal.high) == (0, 0, 0)
    with pytest.raises(ValueError, match="readings of both methods; there are 1 and 0"):
        difference([1.0], [np.nan], how, paired=False)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("scale", [5e-324, 2.0**-560, 2.0**1021])
def test_tiny_and_huge_readings_have_intervals(scale: float, method: Method, paired: bool) -> None:
    """The interval is that of readings in another unit; nothing overflows on the way."""
    first, second = np.array([7.0, -5.0, 4.0, 6.0]), np.array([1.0, 4.0, -2.0, 3.0])
    how = Resampling(1, resamples=500, method=method)
    found = difference(scale * first, scale * second, how, paired=paired)
    expected = difference(first, second, how, paired=paired)
    for one, other in (
        (found.low, expected.low),
        (found.estimate, expected.estimate),
        (found.high, expected.high),
    ):
        assert one == scale * other
    assert np.isfinite([found.low, found.high]).all()


@settings(max_examples=30)
@given(st.integers(-5, 5), st.booleans())
def test_shifts_of_both_cancel(shift: int, paired: bool) -> None:
    """A shift of both changes nothing; one of the first moves the interval."""
    how = Resampling(2, resamples=200)
    found = difference(FIRST, SECOND, how, paired=paired)
    both = difference(FIRST + shift, SECOND + shift, how, paired=paired)
    first = difference(FIRST + shift, SECOND, how, paired=paired)
    assert both.low == pytest.approx(found.low, abs=1e-9)
    assert first.high == pytest.approx(found.high + shift, abs=1e-9)


def test_pairs_that_differ_by_the_same_leave_no_width() -> None:
    """An interval as wide as the rounding of 64-bit floats would be shown with all its digits."""
    found = difference(FIRST, FIRST + 0.1, Resampling(1), paired=True)
    assert found.low == found.high == found.estimate == pytest.approx(-0.1)
    narrow = difference(FIRST, FIRST + 1e-9 * SECOND, Resampling(1), paired=True)
    assert narrow.low < narrow.estimate < narrow.high
