"""Exact binomial intervals against scipy's own, and by counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from meta.statistics.intervals.exact import rate_interval


@settings(max_examples=25)
@given(
    st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from([0.8, 0.95]),
)
def test_interval_agrees_with_scipy(tried: tuple[int, int], level: float) -> None:
    """The interval is the one that `scipy.stats.binomtest` finds by solving for it."""
    expected = stats.binomtest(*tried).proportion_ci(level, method="exact")
    found = rate_interval([tried[0]], [tried[1]], level=level)
    assert found.low[0] == pytest.approx(expected.low, abs=1e-9)
    assert found.high[0] == pytest.approx(expected.high, abs=1e-9)
    assert found.rate[0] == tried[0] / tried[1]


def test_published_example() -> None:
    """Clopper and Pearson's charts: 3 of 10 successes have the 95 % limits 0.07 and 0.65."""
    found = rate_interval(3, 10)
    assert (round(float(found.low[0]), 2), round(float(found.high[0]), 2)) == (0.07, 0.65)


def test_nothing_tried_says_nothing() -> None:
    """Without trials there is no rate, and the interval is everything."""
    found = rate_interval([0, 2], [0, 2])
    assert np.isnan(found.rate[0])
    assert (found.low[0], found.high[0]) == (0.0, 1.0)
    assert found.high[1] == 1.0


@pytest.mark.parametrize(("successes", "trials"), [(3, 2), (-1, 2)])
def test_impossible_counts_are_refused(successes: int, trials: int) -> None:
    """Successes are part of the trials."""
    with pytest.raises(ValueError, match="between 0 and the number of trials"):
        rate_interval(successes, trials)


@settings(max_examples=25)
@given(st.integers(0, 30))
def test_failures_mirror_successes(successes: int) -> None:
    """The interval of the failures is that of the successes, turned round."""
    found, mirrored = rate_interval(successes, 30), rate_interval(30 - successes, 30)
    assert found.low[0] == pytest.approx(1 - mirrored.high[0], abs=1e-12)
