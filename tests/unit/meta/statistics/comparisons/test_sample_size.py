"""Sample sizes against statsmodels and by trying."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower

from meta.statistics.comparisons.sample_size import repetitions_for_width, repetitions_to_decide

FIRST = np.random.default_rng(1).normal(0.5, 1, size=12)
SECOND = np.random.default_rng(2).normal(0, 1, size=12)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("shift", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("comparisons", [1, 6])
def test_power_agrees_with_statsmodels(paired: bool, shift: float, comparisons: int) -> None:
    """But for the relative efficiency of rank tests, the number is that of statsmodels."""
    first = FIRST + shift
    found = repetitions_to_decide(first, SECOND, paired=paired, comparisons=comparisons)
    spread = (
        (first - SECOND).std(ddof=1) if paired else math.sqrt((first.var(ddof=1) + SECOND.var(ddof=1)) / 2)
    )
    power = TTestPower() if paired else TTestIndPower()
    effect = abs(first.mean() - SECOND.mean()) / spread
    expected = power.solve_power(effect, alpha=0.05 / comparisons, power=0.8) * math.pi / 3
    assert found.needed == pytest.approx(expected, rel=0.02, abs=1)
    assert found.more == max(0, found.needed - 12)


def test_a_planned_comparison_finds_the_difference() -> None:
    """With the planned number the test finds a difference of that size in about 80 of 100 studies."""
    exact = stats.norm.ppf((np.arange(12) + 0.5) / 12)
    exact /= exact.std(ddof=1)
    needed = repetitions_to_decide(exact + 0.9, exact, paired=False).needed
    assert needed is not None
    generator = np.random.default_rng(5)
    one, other = generator.normal(0.9, size=(needed, 1_500)), generator.normal(size=(needed, 1_500))
    found = stats.mannwhitneyu(one, other).pvalue <= 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.04)


def test_a_sharper_level_never_needs_many_times_as_many() -> None:
    """The number rises slowly with the number of comparisons, also where scipy has none for a tail."""
    # scipy's noncentral t has no number for the other tail of 17.2 or 31.5 degrees of freedom, as of others.
    apart = np.array([0.05, -0.04, 3.0, 2.5, -0.06, 2.0, 2.2, -0.07, 2.4, -0.08, 3.0, 2.7])
    needed = [
        repetitions_to_decide(apart, np.zeros(12), paired=True, comparisons=comparisons).needed
        for comparisons in range(1, 40)
    ]
    assert needed[14] == 18
    assert needed == sorted(needed, key=lambda count: count or 0)
    assert needed[-1] == 21


def test_no_fewer_than_the_test_can_do_with() -> None:
    """However clear the difference, 6 pairs or 4 repetitions each are the least that give p below 5 %."""
    clear = np.array([1.0, 1.1, 0.9])
    assert repetitions_to_decide(clear + 9, clear[::-1], paired=True).needed == 6
    assert repetitions_to_decide(clear + 9, clear, paired=False).needed == 4
    assert repetitions_to_decide([2.0, 2.0], [1.0, 1.0], paired=True).needed == 6


def test_what_cannot_be_decided_says_why() -> None:
    """Equal means, tiny differences and single repetitions have no number, but a reason."""
    for first, second, paired in (([1.0, 1.0], [1.0, 1.0], False), ([0.1, 2.0], [0.1, 2.0], True)):
        equal = repetitions_to_decide(first, second, paired=paired)
        assert (equal.needed, equal.more) == (None, None)
        assert "means are equal" in equal.note
    assert "more than 1,000,000" in repetitions_to_decide([1.0, 2.0], [2.0, 1.0], paired=False).note
    tiny = repetitions_to_decide(SECOND + 1e-5, np.roll(SECOND, 1), paired=False)
    assert "more than 1,000,000" in tiny.note
    assert "run at least two" in repetitions_to_decide([1.0], [2.0], paired=False).note
    with pytest.raises(ValueError, match="power is between"):
        repetitions_to_decide(FIRST, SECOND, paired=True, power=1.0)


@pytest.mark.parametrize("paired", [True, False])
def test_noise_of_large_readings_is_planned_as_that_of_small_ones(paired: bool) -> None:
    """Readings near 1e9 that vary by 1e-3 are not equal, and need what they need without the 1e9."""
    first, second = (np.round(readings, 3) for readings in (FIRST, SECOND))
    found = repetitions_to_decide(1e9 + 1e-3 * first, 1e9 + 1e-3 * second, paired=paired).needed
    assert found == repetitions_to_decide(first, second, paired=paired).needed


@pytest.mark.parametrize("width", [0.1, 0.5, 2.0])
def test_width_is_kept_by_the_number_and_not_by_one_less(width: float) -> None:
    """The t interval of so many repetitions is narrow enough, and that of one less is not."""
    found = repetitions_for_width(FIRST, width)
    assert found.needed is not None

    def width_of(count: int) -> float:
        low, high = stats.t.interval(0.95, count - 1, scale=FIRST.std(ddof=1) / math.sqrt(count))
        return float(high - low)

    assert width_of(found.needed) <= width
    assert width_of(found.needed - 1) > width


def test_caution_asks_for_more() -> None:
    """The upper limit of the standard deviation holds in 80 of 100 studies."""
    plain = repetitions_for_width(FIRST, 0.3).needed
    cautious = repetitions_for_width(FIRST, 0.3, cautious=True).needed
    assert plain is not None
    assert cautious is not None
    factor = 11 / stats.chi2.ppf(0.2, 11)
    assert cautious == pytest.approx(plain * factor, rel=0.04)


def test_degenerate_widths() -> None:
    """Without variance two repetitions do; one says nothing; no width is impossible."""
    assert repetitions_for_width([1.0, 1.0], 0.1).needed == 2
    assert "run at least two" in repetitions_for_width([1.0], 0.1).note
    with pytest.raises(ValueError, match="width of an interval is positive"):
        repetitions_for_width(FIRST, 0.0)


@pytest.mark.parametrize("scale", [5e-324, 2.0**-560, 2.0**1020])
def test_tiny_and_huge_readings_are_planned_like_others(scale: float) -> None:
    """Squares that would under- or overflow change no number."""
    first, second = np.array([3.0, 5.0, 4.0, 6.0]), np.array([1.0, 4.0, 2.0, 3.0])
    width = repetitions_for_width(scale * first, scale)
    assert width.needed == repetitions_for_width(first, 1.0).needed
    for paired in (True, False):
        found = repetitions_to_decide(scale * first, scale * second, paired=paired)
        assert found.needed == repetitions_to_decide(first, second, paired=paired).needed


@settings(max_examples=20)
@given(st.integers(1, 6), st.integers(-50, 50))
def test_numbers_have_no_unit(power: int, shift: int) -> None:
    """In another unit the same numbers are needed."""
    scale = 2.0**power
    found = repetitions_to_decide(FIRST, SECOND, paired=False).needed
    assert repetitions_to_decide(scale * FIRST + shift, scale * SECOND + shift, paired=False).needed == found
    width = repetitions_for_width(scale * FIRST + shift, scale * 0.4)
    assert width.needed == repetitions_for_width(FIRST, 0.4).needed
