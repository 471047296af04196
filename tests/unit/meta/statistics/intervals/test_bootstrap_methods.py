"""Percentile and BCa intervals of every estimator against scipy and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from meta.statistics.estimators.location import IQM, MEAN, MEDIAN, TRIMMED_MEAN, Estimator, quantile
from meta.statistics.intervals import bca
from meta.statistics.intervals.bootstrap import bootstrap_interval
from meta.statistics.intervals.resampling import Method, Resampling

EVERY = [MEAN, MEDIAN, TRIMMED_MEAN, IQM, quantile(75)]


def trimmed(readings: np.ndarray, cut: float, axis: int) -> np.ndarray:
    size = readings.shape[axis]
    kept = range(int(cut * size), size - int(cut * size))
    return np.take(np.sort(readings, axis=axis), kept, axis=axis).mean(axis=axis)


#: Without our estimators, along any axis.
INDEPENDENT = {
    "mean": np.mean,
    "median": np.median,
    "trimmed_mean": lambda x, axis: trimmed(x, 0.1, axis),
    "iqm": lambda x, axis: trimmed(x, 0.25, axis),
    "q75": lambda x, axis: np.quantile(x, 0.75, axis=axis),
}


def skewed(repetitions: int, columns: int) -> np.ndarray:
    return np.random.default_rng(5).gamma(1.5, size=(repetitions, columns))


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_interval_agrees_with_scipy(one: Estimator, method: Method) -> None:
    """Either method of either estimator is scipy's, up to the noise of the drawings."""
    readings = skewed(31, 2)
    found = bootstrap_interval(readings, Resampling(1, resamples=20_000, method=method), one)
    for column in range(2):
        expected = stats.bootstrap(
            (readings[:, column],),
            INDEPENDENT[one.name],
            method={"percentile": "percentile", "bca": "BCa"}[method],
            n_resamples=20_000,
            rng=2,
        ).confidence_interval
        width = expected.high - expected.low
        assert found.low[column] == pytest.approx(expected.low, abs=0.05 * width)
        assert found.high[column] == pytest.approx(expected.high, abs=0.05 * width)


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_missing_readings_are_drawn_with_their_repetition(one: Estimator) -> None:
    """A drawing's estimate is over the drawn repetitions that have a reading, as in a plain loop."""
    readings = skewed(11, 3)
    readings[:3, 1] = np.nan
    readings[6, 2] = np.inf
    found = bootstrap_interval(readings, Resampling(3, resamples=20_000), one)
    rows = np.random.default_rng(9).integers(11, size=(1_000, 11))
    kept = np.where(np.isfinite(readings), readings, np.nan)
    for column in range(3):
        plain = [
            float(INDEPENDENT[one.name](drawn[~np.isnan(drawn)], axis=0)) for drawn in kept[:, column][rows]
        ]
        low, high = np.quantile(plain, [0.025, 0.975])
        assert found.low[column] == pytest.approx(low, abs=0.1 * (high - low))
        assert found.high[column] == pytest.approx(high, abs=0.1 * (high - low))


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_left_out_estimates_agree_with_leaving_out(one: Estimator) -> None:
    """The jackknife is the estimate without each reading in turn."""
    ordered = np.sort(skewed(9, 2), axis=0)
    ordered[7:, 1] = np.nan
    found = bca.left_out_estimates(one, ordered)
    for column, size in ((0, 9), (1, 7)):
        kept = ordered[:size, column]
        plain = [one.of(np.delete(kept, place)[:, None])[0] for place in range(size)]
        np.testing.assert_allclose(found[:size, column], plain, rtol=1e-12)
    assert np.isnan(found[7:, 1]).all()


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_degenerate_readings_have_no_width_or_no_interval(one: Estimator, method: Method) -> None:
    """Equal readings give a point, one reading gives none, two give an interval; nothing warns."""
    readings = np.array([[2.0, 1.0, 3.0], [2.0, np.nan, 5.0], [2.0, np.nan, np.nan]])
    found = bootstrap_interval(readings, Resampling(0, resamples=500, method=method), one)
    assert (found.low[0], found.high[0]) == (2.0, 2.0)
    assert np.isnan([found.low[1], found.high[1]]).all()
    assert 3 <= found.low[2] <= found.high[2] <= 5


@pytest.mark.parametrize(
    "wrong", [{"level": 1.0}, {"level": 0.0}, {"resamples": 0}, {"method": "basic"}], ids=str
)
def test_impossible_resampling_is_refused(wrong: dict[str, object]) -> None:
    """Levels, numbers of drawings and methods that do not exist are named."""
    with pytest.raises(ValueError, match="|".join(str(value) for value in wrong.values())):
        Resampling(0, **wrong)  # type: ignore[arg-type]  # wrong on purpose


@settings(max_examples=20)
@given(
    arrays.arrays(
        np.float64, st.tuples(st.integers(2, 7), st.just(2)), elements=st.integers(-50, 50).map(float)
    ),
    st.sampled_from(EVERY),
    st.sampled_from(["percentile", "bca"]),
    st.integers(-5, 5),
)
def test_interval_moves_with_the_readings(
    readings: np.ndarray, one: Estimator, method: Method, shift: int
) -> None:
    """Ends are ordered, lie within the readings, and shift and stretch with them."""
    how = Resampling(4, resamples=200, method=method)
    found = bootstrap_interval(readings, how, one)
    moved = bootstrap_interval(4 * readings + shift, how, one)
    assert (found.low <= found.high).all()
    assert (found.low >= readings.min(axis=0) - 1e-12).all()
    assert (found.high <= readings.max(axis=0) + 1e-12).all()
    np.testing.assert_allclose(moved.low, 4 * found.low + shift, atol=1e-3)
    np.testing.assert_allclose(moved.high, 4 * found.high + shift, atol=1e-3)
