"""Which interval each estimator has, and that it does not depend on the readings' shape."""

from __future__ import annotations

import numpy as np
import pytest

from meta.statistics.estimators.location import IQM, MEAN, MEDIAN, TRIMMED_MEAN, Estimator, quantile
from meta.statistics.intervals.bootstrap import bootstrap_interval
from meta.statistics.intervals.exact import quantile_interval, rate_interval
from meta.statistics.intervals.resampling import Resampling
from meta.statistics.intervals.rule import Known, confidence_interval
from meta.statistics.intervals.student import Part, combined, student_ends

RESAMPLING = Resampling(3, resamples=2_000)


def normal(count: int) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, 2))


@pytest.mark.parametrize(
    ("estimator", "counts"),
    [
        (MEAN, {"": [1, 2], "t": [3, 4, 5, 30]}),
        (MEDIAN, {"": [1, 2, 3, 4], "range": [5], "order statistics": [6, 10, 30]}),
        (quantile(90), {"": [3, 10, 25], "range": [26], "order statistics": [29, 60]}),
        (TRIMMED_MEAN, {"": [1, 2], "t": [3, 5, 9], "expanded percentile": [10, 30]}),
        (IQM, {"": [1, 2, 4], "t": [3], "expanded percentile": [5, 6, 30]}),
    ],
)
def test_the_interval_of_each_estimator(estimator: Estimator, counts: dict[str, list[int]]) -> None:
    """It depends on the estimator and on n alone; where there is none, the ends are missing."""
    for method, sizes in counts.items():
        for size in sizes:
            found = confidence_interval(normal(size), RESAMPLING, estimator)
            assert found.method.tolist() == [method, method]
            assert np.isnan(found.low).all() == np.isnan(found.high).all() == (method == "")


def test_the_ends_are_those_of_the_named_interval() -> None:
    """Each is computed by the function of its name."""
    readings = normal(12)
    expected = {
        MEAN: student_ends(combined([Part(readings)]), 0.95),
        MEDIAN: (quantile_interval(readings).low, quantile_interval(readings).high),
    }
    for estimator in (IQM, TRIMMED_MEAN):
        drawn = bootstrap_interval(readings, Resampling(3, resamples=2_000, method="expanded"), estimator)
        expected[estimator] = drawn.low, drawn.high
    for estimator, ends in expected.items():
        found = confidence_interval(readings, RESAMPLING, estimator)
        np.testing.assert_allclose([found.low, found.high], ends, rtol=1e-12)
        np.testing.assert_allclose(found.estimate, estimator.of(readings), rtol=1e-12)


def test_rates_have_the_exact_interval() -> None:
    """Also where all tries of a cell succeeded; not of one or two tries."""
    readings = np.array([[1, 0, 1.0], [1, 1, 1], [1, 0, np.nan], [1, 0, np.nan]])
    found = confidence_interval(readings, RESAMPLING, MEAN, Known(is_rate=True))
    exact = rate_interval([4, 1], [4, 4])
    assert found.method.tolist() == ["Clopper-Pearson", "Clopper-Pearson", ""]
    np.testing.assert_array_equal(found.low[:2], exact.low)
    np.testing.assert_array_equal(found.high[:2], exact.high)
    assert np.isnan(found.low[2])


def test_bounds_choose_the_link() -> None:
    """With bounds the mean's interval lies within them, and says on which link."""
    readings = np.abs(normal(4))
    for bounds, method in (((0, None), "t (log)"), ((0, 20), "t (logit)")):
        found = confidence_interval(readings, RESAMPLING, MEAN, Known(bounds=bounds))
        assert found.method.tolist() == [method, method]
        assert (found.low > 0).all()


@pytest.mark.parametrize("estimator", [MEAN, MEDIAN, TRIMMED_MEAN, IQM])
def test_nothing_varied(estimator: Estimator) -> None:
    """Equal readings have no interval, however many they are; the other columns keep theirs."""
    readings = normal(10)
    readings[:, 0] = 0.1
    found = confidence_interval(readings, RESAMPLING, estimator)
    assert found.method[0] == "nothing varied"
    assert np.isnan([found.low[0], found.high[0]]).all()
    assert np.isfinite([found.low[1], found.high[1]]).all()


def test_columns_have_their_own_n() -> None:
    """Where readings are missing, each column has the interval of those that it has."""
    readings = np.random.default_rng(0).normal(size=(12, 4))
    readings[9:, 1], readings[2:, 2], readings[:, 3] = np.nan, np.nan, np.nan
    found = confidence_interval(readings, RESAMPLING, TRIMMED_MEAN)
    assert found.method.tolist() == ["expanded percentile", "t", "", ""]
    alone = confidence_interval(readings[:9, 1:2], RESAMPLING, TRIMMED_MEAN)
    assert (found.low[1], found.high[1]) == (alone.low[0], alone.high[0])
    assert found.count.tolist() == [12, 9, 2, 0]


@pytest.mark.parametrize("estimator", [MEDIAN, TRIMMED_MEAN, IQM])
@pytest.mark.parametrize("method", ["percentile", "expanded", "bca"])
def test_one_huge_reading_leaves_a_width(estimator: Estimator, method) -> None:
    """Drawings without a reading of 1e46 differ as they do without it."""
    readings = np.array([*range(1, 10), 1e46])[:, None]
    found = bootstrap_interval(readings, Resampling(1, method=method), estimator)
    assert found.estimate[0] == 5.5
    assert found.low[0] <= 4
    assert found.high[0] >= 7


def test_rounding_carries_no_end_beyond_the_readings() -> None:
    """The mean of 1e9 and 1e46 has lost the small readings, and its drawings are still among them."""
    found = bootstrap_interval(np.array([*[1e9] * 8, 1e46])[:, None], Resampling(1), MEAN)
    assert found.low[0] == 1e9
