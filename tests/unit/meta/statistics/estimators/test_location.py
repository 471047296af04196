"""The estimators against numpy and scipy."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from meta.statistics.estimators.location import (
    ESTIMATORS,
    IQM,
    MEAN,
    MEDIAN,
    TRIMMED_MEAN,
    Estimator,
    estimator,
    quantile,
)

EVERY = [*ESTIMATORS.values(), quantile(5), quantile(90), quantile(0), quantile(100)]
INDEPENDENT: list[tuple[Estimator, Callable[[np.ndarray], np.ndarray]]] = [
    (MEAN, lambda x: np.mean(x, axis=0)),
    (MEDIAN, lambda x: np.median(x, axis=0)),
    (TRIMMED_MEAN, lambda x: stats.trim_mean(x, 0.1, axis=0)),
    (IQM, lambda x: stats.trim_mean(x, 0.25, axis=0)),
    (quantile(90), lambda x: np.quantile(x, 0.9, axis=0)),
]


@pytest.mark.parametrize("found", EVERY, ids=lambda one: one.name)
def test_the_order_of_readings_changes_no_bit(found: Estimator) -> None:
    """The same readings have one estimate, also where they nearly cancel, so that methods are tied."""
    readings = np.array([0.1, 0.2, -0.3, 0.7, -0.7, 0.39, 0.14, -0.53, np.nan])
    orders = np.random.default_rng(1).permuted(np.tile(readings, (50, 1)), axis=1).T
    assert len(set(found.of(orders).tolist())) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10, 11, 40, 97])
@pytest.mark.parametrize(("found", "expected"), INDEPENDENT, ids=lambda value: getattr(value, "name", ""))
def test_estimates_agree(found: Estimator, expected: Callable[[np.ndarray], np.ndarray], count: int) -> None:
    """Each estimator is the function of numpy or scipy of that name."""
    readings = np.random.default_rng(count).gamma(1.5, size=(count, 4))
    np.testing.assert_allclose(found.of(readings), expected(readings), rtol=1e-12)


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_missing_readings_are_left_out_of_their_column(one: Estimator) -> None:
    """A column with missing readings is estimated as if they were not there; one without any is NaN."""
    readings = np.random.default_rng(3).normal(size=(12, 4))
    readings[[2, 7, 11], 1] = np.nan, np.inf, -np.inf
    readings[:, 3] = np.nan
    found = one.of(readings)
    kept = readings[np.isfinite(readings[:, 1]), 1]
    assert found[1] == pytest.approx(one.of(kept[:, None])[0], rel=1e-12)
    assert found[0] == pytest.approx(one.of(readings[:, :1])[0], rel=1e-12)
    assert np.isnan(found[3])


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_weights_of_counts_are_those_of_repeated_readings(one: Estimator) -> None:
    """A reading that was drawn three times weighs as three equal readings, one not drawn nothing."""
    ordered = np.array([1.0, 2.0, 5.0, 7.0, 20.0])
    counts = np.array([[1.0, 0.0, 3.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 5.0, 0.0, 0.0, 0.0]])
    weights, divisor = one.weights(counts)
    repeated = np.repeat(ordered, counts[0].astype(int))
    assert weights[0] @ ordered / divisor[0, 0] == pytest.approx(one.of(repeated[:, None])[0])
    assert divisor[1, 0] == 0
    assert weights[2] @ ordered / divisor[2, 0] == 2.0


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_huge_readings_do_not_overflow(one: Estimator) -> None:
    """An estimate of readings near the largest float is finite."""
    assert np.isfinite(one.of(np.full((9, 2), 1.7e308))).all()


def test_names_of_series_files() -> None:
    """Each name gives its estimator, quantiles by their percent."""
    assert estimator("iqm") is IQM
    assert estimator("q95") == quantile(95)
    assert all(estimator(one.name) == one for one in EVERY)


@pytest.mark.parametrize("wrong", ["medain", "q101", "q5", "95"])
def test_a_wrong_name_lists_the_right_ones(wrong: str) -> None:
    """The message names what there is, and the nearest."""
    with pytest.raises(ValueError, match="mean, median, trimmed_mean, iqm, or a quantile from q00 to q100"):
        estimator(wrong)
    with pytest.raises(ValueError, match="Did you mean 'median'"):
        estimator("medain")


def test_a_quantile_beyond_the_readings_is_refused() -> None:
    """There is no 120 % quantile."""
    with pytest.raises(ValueError, match="0 to 100"):
        quantile(120)


readings_of_columns = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 7), st.integers(1, 3)),
    elements=st.integers(-1_000, 1_000).map(float) | st.just(np.nan),
)


@settings(max_examples=25)
@given(readings_of_columns, st.sampled_from(EVERY), st.floats(-3, 3), st.randoms(use_true_random=False))
def test_shift_scale_and_order(readings: np.ndarray, one: Estimator, shift: float, random: Random) -> None:
    """Estimates move and stretch with the readings, and do not depend on their order."""
    found = one.of(readings)
    np.testing.assert_allclose(one.of(2.5 * readings + shift), 2.5 * found + shift, atol=1e-9)
    order = list(range(len(readings)))
    random.shuffle(order)
    np.testing.assert_allclose(one.of(readings[order]), found, atol=1e-9)


@settings(max_examples=25)
@given(readings_of_columns, st.sampled_from([MEAN, MEDIAN]))
def test_duplicated_readings_change_nothing(readings: np.ndarray, one: Estimator) -> None:
    """Mean and median of all readings taken twice are the same."""
    np.testing.assert_allclose(one.of(np.vstack([readings, readings])), one.of(readings), atol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9, 20])
@pytest.mark.parametrize("infinite", [0, 1, 2, 5])
@pytest.mark.parametrize(("found", "expected"), INDEPENDENT[:4])
def test_infinite_readings_count_if_they_have_weight(found, expected, count: int, infinite: int) -> None:
    """As in numpy and scipy: a median of more than half finite readings is finite, a mean only of all."""
    readings = np.random.default_rng(count).normal(size=count)
    readings[:infinite] = np.inf
    assert found.of_extended(readings) == pytest.approx(expected(readings[:, None])[0])
    assert found.of_extended(-readings) == pytest.approx(expected(-readings[:, None])[0])


def test_opposite_infinities_have_no_mean() -> None:
    """Their median may have one."""
    assert np.isnan(MEAN.of_extended(np.array([np.inf, 1.0, -np.inf])))
    assert MEDIAN.of_extended(np.array([np.inf, 1.0, -np.inf])) == 1.0
    assert np.isnan(MEAN.of_extended(np.array([])))
