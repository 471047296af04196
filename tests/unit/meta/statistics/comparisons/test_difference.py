"""Differences and their intervals against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from meta.statistics.comparisons.difference import Stratum, difference, difference_over
from meta.statistics.estimators.location import IQM, MEAN, MEDIAN, Estimator
from meta.statistics.intervals.aggregate import Way
from meta.statistics.intervals.resampling import Resampling

FIRST = np.random.default_rng(1).gamma(2, size=25)
SECOND = 0.7 * FIRST + np.random.default_rng(2).gamma(1, 0.3, size=25)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize(
    ("one", "independent"),
    [(MEAN, np.mean), (MEDIAN, np.median), (IQM, lambda x, axis: stats.trim_mean(x, 0.25, axis=axis))],
    ids=["mean", "median", "iqm"],
)
def test_interval_agrees_with_scipy(one: Estimator, independent: object, method: Way, paired: bool) -> None:
    """The interval is scipy's for two samples, whether pairs or each by itself are drawn."""
    found = difference(FIRST, SECOND, Resampling(1), one, paired=paired, interval=method)
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


@pytest.mark.parametrize("paired", [True, False])
def test_means_have_students_and_welchs_interval(paired: bool) -> None:
    """The interval is scipy's: of the differences, or with Welch's degrees of freedom."""
    first, second = FIRST[:9], SECOND[:9] if paired else SECOND
    test = stats.ttest_rel(first, second) if paired else stats.ttest_ind(first, second, equal_var=False)
    found = difference(first, second, Resampling(1, level=0.9), paired=paired)
    assert (found.low, found.high) == pytest.approx(tuple(test.confidence_interval(0.9)))
    assert found.degrees == pytest.approx(test.df)
    assert found.method == "t"


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("one", [MEDIAN, IQM], ids=["median", "iqm"])
def test_other_estimators_have_t_of_the_drawings_standard_error(one: Estimator, paired: bool) -> None:
    """The standard error is scipy's bootstrap's; it is widened, with the degrees of freedom of the means."""
    first, second = FIRST[:10], SECOND if not paired else SECOND[:10]
    error = stats.bootstrap(
        (first, second),
        lambda x, y: float(one.of(x[:, None])[0] - one.of(y[:, None])[0]),
        paired=paired,
        vectorized=False,
        n_resamples=4_000,
        method="percentile",
        rng=3,
    ).standard_error
    freedom = 9 if paired else stats.ttest_ind(first, second, equal_var=False).df
    half = stats.t.ppf(0.975, freedom) * np.sqrt(10 / 9) * error
    found = difference(first, second, Resampling(1), one, paired=paired)
    assert found.high - found.estimate == pytest.approx(half, rel=0.06)
    assert found.estimate - found.low == pytest.approx(half, rel=0.06)
    assert found.method == "t of the bootstrap standard error"


def test_strata_are_a_weighted_sum() -> None:
    """Two data sets with their own splits: variances are added, each with its own test/train."""
    parts = [Stratum(FIRST[:6], SECOND[:6], 0.5, 0.25), Stratum(FIRST[6:], SECOND[6:], 0.5, 0.5)]
    found = difference_over(parts, Resampling(1), paired=True)
    apart = [part.first - part.second for part in parts]
    variances = [
        0.25 * one.var(ddof=1) * (1 / len(one) + part.ratio) for one, part in zip(apart, parts, strict=True)
    ]
    freedom = sum(variances) ** 2 / sum(
        v**2 / (len(one) - 1) for v, one in zip(variances, apart, strict=True)
    )
    half = stats.t.ppf(0.975, freedom) * np.sqrt(sum(variances))
    assert found.estimate == pytest.approx((apart[0].mean() + apart[1].mean()) / 2)
    assert (found.low, found.high) == pytest.approx((found.estimate - half, found.estimate + half))
    assert found.degrees == pytest.approx(freedom)
    assert found.first - found.second == pytest.approx(found.estimate)
    assert found.sizes == (6, 6)
    median = difference_over(parts, Resampling(1), MEDIAN, paired=True)
    assert median.estimate == pytest.approx(
        np.mean([np.median(p.first) - np.median(p.second) for p in parts])
    )
    assert median.low < median.estimate < median.high


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


def test_degenerate_readings() -> None:
    """Fewer than three repetitions of a method have no interval, equal ones none, none at all are refused."""
    how = Resampling(0, resamples=100)
    for first, second in (([1.0], [3.0]), ([1.0, 4.0], [3.0, 3.5]), ([1.0, 2.0], [3.0, 4.0, 6.0])):
        few = difference(first, second, how, paired=False)
        assert np.isnan([few.low, few.high]).all()
        assert few.method == ""
    equal = difference([0.1] * 5, [0.1] * 5, how, paired=True)
    assert (equal.estimate, equal.method) == (0, "nothing varied")
    assert np.isnan([equal.low, equal.high]).all()
    with pytest.raises(ValueError, match="readings of both methods; there are 1 and 0"):
        difference([1.0], [np.nan], how, paired=False)


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_degenerate_readings_of_drawings(interval: Way) -> None:
    """Single repetitions have no interval, equal ones a point."""
    how = Resampling(0, resamples=100)
    single = difference([1.0], [3.0], how, paired=False, interval=interval)
    assert np.isnan([single.low, single.high]).all()
    one_sided = difference([1.0], [3.0, 4.0, 6.0], how, paired=False, interval=interval)
    assert one_sided.low < one_sided.high
    equal = difference([0.1] * 5, [0.1] * 5, how, paired=True, interval=interval)
    assert (equal.low, equal.estimate, equal.high) == (0, 0, 0)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("interval", ["rule", "percentile", "bca"])
@pytest.mark.parametrize("scale", [1e-300, 2.0**-560, 2.0**1018])
def test_tiny_and_huge_readings_have_intervals(scale: float, interval: Way, paired: bool) -> None:
    """The interval is that of readings in another unit; nothing overflows on the way."""
    first, second = np.array([7.0, -5.0, 4.0, 6.0]), np.array([1.0, 4.0, -2.0, 3.0])
    how = Resampling(1, resamples=500)
    found = difference(scale * first, scale * second, how, paired=paired, interval=interval)
    expected = difference(first, second, how, paired=paired, interval=interval)
    for one, other in (
        (found.low, expected.low),
        (found.estimate, expected.estimate),
        (found.high, expected.high),
    ):
        assert one == pytest.approx(scale * other)
    assert np.isfinite([found.low, found.high]).all()


def test_small_noise_of_large_readings_is_no_rounding() -> None:
    """Readings near 1e9 that vary by 1e-3 have the interval of what they vary by."""
    noise = np.round(np.random.default_rng(4).normal(size=(2, 10)), 3)
    found = difference(*(1e9 + 1e-3 * noise), Resampling(1), paired=False)
    expected = stats.ttest_ind(*noise, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((1e-3 * expected.low, 1e-3 * expected.high), abs=1e-6)


@settings(max_examples=30)
@given(st.integers(-5, 5), st.booleans())
def test_shifts_of_both_cancel(shift: int, paired: bool) -> None:
    """A shift of both changes nothing; one of the first moves the interval."""
    how = Resampling(2)
    found = difference(FIRST, SECOND, how, paired=paired)
    both = difference(FIRST + shift, SECOND + shift, how, paired=paired)
    first = difference(FIRST + shift, SECOND, how, paired=paired)
    assert both.low == pytest.approx(found.low, abs=1e-9)
    assert first.high == pytest.approx(found.high + shift, abs=1e-9)


def test_pairs_that_differ_by_the_same_have_no_interval() -> None:
    """An interval as wide as the rounding of 64-bit floats would be shown with all its digits."""
    found = difference(FIRST, FIRST + 0.1, Resampling(1), paired=True)
    assert found.estimate == pytest.approx(-0.1)
    assert np.isnan([found.low, found.high]).all()
    drawn = difference(FIRST, FIRST + 0.1, Resampling(1), paired=True, interval="percentile")
    assert drawn.low == drawn.high == drawn.estimate
    narrow = difference(FIRST, FIRST + 1e-9 * SECOND, Resampling(1), paired=True)
    assert narrow.low < narrow.estimate < narrow.high
