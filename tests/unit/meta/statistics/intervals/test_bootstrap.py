"""The mean and its interval against scipy and a plain loop over the same rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from meta.statistics.intervals import bootstrap, resampling
from meta.statistics.intervals.bootstrap import bootstrap_interval
from meta.statistics.intervals.resampling import Drawings, Resampling


def skewed(repetitions: int, columns: int) -> np.ndarray:
    return np.random.default_rng(5).gamma(1.5, size=(repetitions, columns))


def test_interval_agrees_with_scipy() -> None:
    """The interval is scipy's percentile bootstrap up to the noise of 10,000 drawings."""
    readings = skewed(40, 3)
    found = bootstrap_interval(readings, Resampling(1))
    for column in range(3):
        expected = stats.bootstrap(
            (readings[:, column],), np.mean, method="percentile", n_resamples=10_000, rng=2
        ).confidence_interval
        width = expected.high - expected.low
        assert found.low[column] == pytest.approx(expected.low, abs=0.03 * width)
        assert found.high[column] == pytest.approx(expected.high, abs=0.03 * width)


def test_interval_with_missing_readings_agrees_with_a_plain_loop() -> None:
    """A drawing's mean is over the drawn repetitions that have a reading; whole repetitions are drawn."""
    readings = skewed(12, 4)
    readings[:4, 1] = np.nan
    readings[5:, 2] = np.nan
    readings[7, 3] = np.inf
    found = bootstrap_interval(readings, Resampling(3, resamples=40_000))
    rows = np.random.default_rng(9).integers(12, size=(40_000, 12))
    for column in range(4):
        kept = np.where(np.isfinite(readings[:, column]), readings[:, column], np.nan)
        drawn = kept[rows]
        drawn = drawn[~np.isnan(drawn).all(axis=1)]
        low, high = np.quantile(np.nanmean(drawn, axis=1), [0.025, 0.975])
        assert found.low[column] == pytest.approx(low, abs=0.03 * (high - low))
        assert found.high[column] == pytest.approx(high, abs=0.03 * (high - low))


def test_mean_and_count_leave_out_what_is_not_finite() -> None:
    """The mean is over finite readings only, and the count says how many there were."""
    readings = np.array([[1.0, np.nan, np.nan], [2.0, 4.0, np.inf], [6.0, 8.0, -np.inf]])
    found = bootstrap_interval(readings, Resampling(0, resamples=100))
    np.testing.assert_allclose(found.estimate, [3.0, 6.0, np.nan])
    assert found.count.tolist() == [3, 2, 0]


def test_one_repetition_has_no_interval() -> None:
    """Fewer than two readings give a mean without an interval."""
    found = bootstrap_interval(np.array([[1.0, 5.0], [2.0, np.nan]]), Resampling(0, resamples=100))
    assert np.isfinite(found.low).tolist() == [True, False]
    assert np.isfinite(found.high).tolist() == [True, False]
    assert found.estimate.tolist() == [1.5, 5.0]


def test_equal_columns_get_equal_intervals() -> None:
    """Every column sees the same drawings: the points of a curve are resampled together."""
    column = skewed(25, 1)
    found = bootstrap_interval(np.hstack([column, 3 * column + 7, column]), Resampling(4))
    assert found.low[0] == found.low[2]
    assert found.low[1] == pytest.approx(3 * found.low[0] + 7, rel=1e-6)
    assert found.high[1] == pytest.approx(3 * found.high[0] + 7, rel=1e-6)


def test_the_seed_alone_decides() -> None:
    """The same seed gives the same interval to the last bit, another seed another one."""
    readings = skewed(30, 5)
    first, again, other = (
        bootstrap_interval(readings, Resampling(seed, resamples=500)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.low, again.low)
    assert np.array_equal(first.high, again.high)
    assert not np.array_equal(first.low, other.low)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Splitting drawings and columns into blocks changes only the last bits of single precision."""
    readings = skewed(20, 30)
    readings[3, ::2] = np.nan
    whole = bootstrap_interval(readings, Resampling(1, resamples=1_000))
    monkeypatch.setattr(bootstrap, "_ESTIMATES_PER_BLOCK", 7_000)
    columns_split = bootstrap_interval(readings, Resampling(1, resamples=1_000))
    np.testing.assert_allclose(columns_split.low, whole.low, rtol=1e-5)
    np.testing.assert_allclose(columns_split.high, whole.high, rtol=1e-5)
    monkeypatch.setattr(resampling, "_WEIGHTS_PER_BLOCK", 600)
    both_split = bootstrap_interval(readings, Resampling(1, resamples=1_000))
    np.testing.assert_allclose(both_split.low, whole.low, rtol=1e-5)


def test_single_precision_does_not_lose_small_differences() -> None:
    """Readings that differ in the tenth digit still get their interval."""
    small = skewed(30, 1)
    far = bootstrap_interval(1e6 + 1e-4 * small, Resampling(1))
    near = bootstrap_interval(small, Resampling(1))
    assert (far.high - far.low)[0] == pytest.approx(1e-4 * (near.high - near.low)[0], rel=1e-3)


def test_equal_repetitions_have_a_point_as_interval() -> None:
    """Repetitions that agree give an interval of width zero at their mean."""
    found = bootstrap_interval(np.full((7, 2), 0.1), Resampling(0, resamples=200))
    np.testing.assert_allclose(found.low, found.estimate, rtol=1e-12)
    np.testing.assert_allclose(found.high, found.estimate, rtol=1e-12)


def test_huge_readings_do_not_overflow() -> None:
    """The mean of readings near the largest float is finite."""
    found = bootstrap_interval(np.array([[1.5e308], [1.6e308]]), Resampling(0, resamples=100))
    assert found.estimate[0] == pytest.approx(1.55e308)
    assert np.isfinite(found.high[0])


def test_a_vector_is_refused() -> None:
    """One dimension does not say what is a repetition."""
    with pytest.raises(ValueError, match="repetitions, columns"):
        bootstrap_interval(np.zeros(3), Resampling(0))


def test_no_columns_is_an_empty_result() -> None:
    """A curve without steps has arrays without entries."""
    assert bootstrap_interval(np.empty((3, 0)), Resampling(0)).estimate.shape == (0,)


@settings(max_examples=60)
@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(2, 6), st.integers(1, 4)),
        elements=st.floats(-1e200, 1e200) | st.just(np.nan),
    )
)
def test_interval_lies_within_the_readings(readings: np.ndarray) -> None:
    """Ends of the interval are ordered and never beyond the smallest and largest reading."""
    found = bootstrap_interval(readings, Resampling(0, resamples=200))
    several = found.count > 1
    kept = readings[:, several]
    slack = 1e-6 * (np.nanmax(np.abs(kept), axis=0) if kept.size else 0)
    assert (found.low[several] <= found.high[several]).all()
    assert (found.low[several] >= np.nanmin(kept, axis=0) - slack).all() if kept.size else True
    assert (found.high[several] <= np.nanmax(kept, axis=0) + slack).all() if kept.size else True
    assert np.isnan(found.low[~several]).all()


def test_the_last_drawings_are_kept_when_they_are_few() -> None:
    """Cells of a table take the same drawings, which are not drawn again; nobody can change them."""
    few, many = Drawings(Resampling(4), (3, 5)), Drawings(Resampling(4, resamples=1_000_001), (3, 5))
    [(rows, kept)] = few.counts()
    [(_, again)] = Drawings(Resampling(4), (3, 5)).counts()
    assert again is kept
    [(drawn_rows, drawn)] = few.draw()
    assert (rows, kept.tolist()) == (drawn_rows, drawn.tolist())
    with pytest.raises(ValueError, match="read-only"):
        kept[0, 0] = 9
    assert next(many.counts())[1] is not next(many.counts())[1]
