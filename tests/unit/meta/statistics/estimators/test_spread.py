"""Standard deviation, standard error and interquartile range against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from meta.statistics.estimators.spread import spread


def test_spread_agrees_with_scipy() -> None:
    """Each number is scipy's, with missing readings left out of their column."""
    readings = np.random.default_rng(1).gamma(2, size=(15, 4))
    readings[3, 1] = np.nan
    readings[5, 2] = np.inf
    found = spread(readings)
    for column in range(4):
        kept = readings[np.isfinite(readings[:, column]), column]
        assert found.standard_deviation[column] == pytest.approx(stats.tstd(kept))
        assert found.standard_error[column] == pytest.approx(stats.sem(kept))
        assert found.interquartile_range[column] == pytest.approx(stats.iqr(kept))


def test_one_reading_has_no_spread() -> None:
    """Fewer than two readings say nothing about how far they lie apart."""
    found = spread(np.array([[1.0, np.nan], [np.nan, np.nan]]))
    assert np.isnan(found.standard_deviation).all()
    assert np.isnan(found.standard_error).all()


def test_equal_readings_have_no_width() -> None:
    """Zero variance is zero, not NaN."""
    found = spread(np.full((4, 1), 0.1))
    assert found.standard_deviation[0] == pytest.approx(0, abs=1e-15)
    assert found.interquartile_range[0] == 0


def test_huge_readings_do_not_overflow() -> None:
    """The deviation of readings near the largest float is finite."""
    assert np.isfinite(spread(np.array([[1e308], [-0.5e308]])).standard_deviation).all()


@settings(max_examples=25)
@given(
    arrays.arrays(np.float64, (5, 2), elements=st.integers(-1_000, 1_000).map(float)),
    st.integers(1, 50),
    st.integers(-100, 100),
)
def test_spread_ignores_shifts_and_follows_scale(readings: np.ndarray, scale: int, shift: int) -> None:
    """A shift changes nothing; a factor stretches."""
    found, changed = spread(readings), spread(readings * scale + shift)
    np.testing.assert_allclose(changed.standard_deviation, scale * found.standard_deviation, atol=1e-8)
    np.testing.assert_allclose(changed.interquartile_range, scale * found.interquartile_range, atol=1e-8)
