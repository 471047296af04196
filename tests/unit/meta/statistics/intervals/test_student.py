"""Student's t interval against scipy, on links by hand, and of numbers near the ends of floats."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from meta.statistics.intervals.student import Part, combined, student_ends


def column(*readings: float) -> np.ndarray:
    return np.array(readings, dtype=np.float64)[:, None]


def ends(*parts: Part, bounds: tuple[float | None, float | None] | None = None) -> tuple[float, float]:
    low, high = student_ends(combined(parts), 0.95, bounds)
    return float(low[0]), float(high[0])


def test_one_sample_agrees_with_scipy() -> None:
    """Each column has the classical interval of the readings that it has."""
    readings = np.random.default_rng(1).gamma(2, size=(8, 3))
    readings[5:, 1] = np.nan
    low, high = student_ends(combined([Part(readings)]), 0.9)
    for place, kept in enumerate([readings[:, 0], readings[:5, 1], readings[:, 2]]):
        expected = stats.ttest_1samp(kept, 0).confidence_interval(0.9)
        assert (low[place], high[place]) == pytest.approx((expected.low, expected.high))


def test_difference_agrees_with_welch() -> None:
    """Two parts of the weights 1 and -1 are Welch's interval of a difference."""
    generator = np.random.default_rng(2)
    first, second = generator.normal(3, 1, 6), generator.normal(2, 5, 11)
    expected = stats.ttest_ind(first, second, equal_var=False)
    interval = expected.confidence_interval(0.95)
    parts = Part(first[:, None]), Part(second[:, None], -1)
    assert ends(*parts) == pytest.approx((interval.low, interval.high))
    assert combined(parts).degrees[0] == pytest.approx(expected.df)


def test_strata_by_hand() -> None:
    """The standard error of an average over strata is the root of the sum of their squares over T."""
    tasks = [column(1, 2, 3, 6), column(10, 30, 20), column(5, 5, 5, 9, 5)]
    found = combined([Part(task, 1 / 3) for task in tasks])
    squares = [float(task.var(ddof=1)) / len(task) / 9 for task in tasks]
    degrees = sum(squares) ** 2 / sum(
        one**2 / (len(task) - 1) for one, task in zip(squares, tasks, strict=True)
    )
    assert found.estimate[0] == pytest.approx(np.mean([float(task.mean()) for task in tasks]))
    assert found.standard_error[0] == pytest.approx(math.sqrt(sum(squares)))
    assert found.degrees[0] == pytest.approx(degrees)
    assert found.count[0] == 3


def test_resampled_splits_by_hand() -> None:
    """Nadeau and Bengio: the variance has 1/n + test/train in place of 1/n."""
    readings = column(0.8, 0.82, 0.79, 0.85, 0.81)
    mean, deviation = float(readings.mean()), float(readings.std(ddof=1))
    reach = stats.t.ppf(0.975, 4) * deviation * math.sqrt(1 / 5 + 45 / 105)
    assert ends(Part(readings, ratio=45 / 105)) == pytest.approx((mean - reach, mean + reach))


@pytest.mark.parametrize(
    ("bounds", "link", "back", "slope"),
    [
        ((2, None), lambda m: math.log(m - 2), lambda g: 2 + math.exp(g), lambda m: 1 / (m - 2)),
        ((None, 9), lambda m: -math.log(9 - m), lambda g: 9 - math.exp(-g), lambda m: 1 / (9 - m)),
        (
            (2, 9),
            lambda m: math.log((m - 2) / (9 - m)),
            lambda g: 2 + 7 / (1 + math.exp(-g)),
            lambda m: 7 / ((m - 2) * (9 - m)),
        ),
    ],
)
def test_bounds_by_the_delta_method(bounds, link, back, slope) -> None:
    """Within bounds, the interval is that of the link with the slope at the mean, taken back."""
    readings = column(2.5, 3, 2.2, 8.9)
    mean, error = float(readings.mean()), float(readings.std(ddof=1)) / 2
    reach = stats.t.ppf(0.975, 3) * error * slope(mean)
    expected = back(link(mean) - reach), back(link(mean) + reach)
    assert ends(Part(readings), bounds=bounds) == pytest.approx(expected)


@pytest.mark.parametrize("unit", [1e199, 1e-199])
def test_size_does_not_matter(unit: float) -> None:
    """No square overflows or underflows."""
    expected = ends(Part(column(1, 2, 4, 8)))
    assert ends(Part(unit * column(1, 2, 4, 8))) == pytest.approx((unit * expected[0], unit * expected[1]))


def test_small_spread_of_large_readings() -> None:
    """The variance is that of deviations: nothing is lost by a mean that is a billion times larger."""
    noise = 1e-3 * column(-1, 0, 1, 2, 0.5)
    low, high = ends(Part(1e9 + noise))
    near = ends(Part(noise))
    assert (high - low) == pytest.approx(near[1] - near[0], rel=1e-3)


def test_one_large_reading_among_small_ones() -> None:
    """A reading of 1e46 widens the interval; its square is no infinity."""
    expected = stats.t.ppf(0.975, 3) * 1e46 / 4
    low, high = ends(Part(column(1, 2, 3, 1e46)))
    assert (low, high) == pytest.approx((1e46 / 4 - expected, 1e46 / 4 + expected))


@pytest.mark.parametrize("readings", [[3.0], [3.0, 4.0], [0.1] * 7])
def test_no_interval_of_few_or_equal_readings(readings: list[float]) -> None:
    """One or two readings have none, and equal ones have none, whatever the last bit of their mean is."""
    assert np.isnan(ends(Part(column(*readings)))).all()


def test_rounding_of_differences_is_no_spread() -> None:
    """Differences of large equal numbers that are off by a last bit have not varied."""
    differences = column(0.1, 0.1 + 2e-14, 0.1)
    assert combined([Part(differences, magnitude=100.0)]).nothing_varied[0]
    assert not combined([Part(differences)]).nothing_varied[0]
