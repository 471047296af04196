"""Areas under curves by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from meta.statistics.estimators.areas import areas_under

STEPS = np.array([0.0, 1.0, 4.0, 6.0, 10.0])


def test_area_is_the_sum_of_trapezoids() -> None:
    """The area is what a plain loop over the trapezoids adds up."""
    readings = np.random.default_rng(1).normal(size=(3, 5))
    found = areas_under(STEPS, readings)
    for row, area in zip(readings, found.area, strict=True):
        parts = [(STEPS[k + 1] - STEPS[k]) * (row[k] + row[k + 1]) / 2 for k in range(4)]
        assert area == pytest.approx(sum(parts))
    assert found.span.tolist() == [10.0] * 3


def test_normalised_areas_are_mean_heights() -> None:
    """A level curve has its height, however long it is."""
    readings = np.full((2, 5), 3.0)
    readings[1, 3:] = np.nan
    found = areas_under(STEPS, readings, normalise=True)
    np.testing.assert_allclose(found.area, [3.0, 3.0])
    assert found.span.tolist() == [10.0, 4.0]


def test_missing_readings_are_bridged() -> None:
    """A gap is crossed by a straight line; fewer than two readings have no area."""
    readings = np.array([[0.0, np.nan, 4.0, np.inf, 10.0], [np.nan] * 4 + [1.0], [np.nan] * 5])
    found = areas_under(STEPS, readings)
    assert found.area[0] == pytest.approx(50.0)
    assert np.isnan(found.area[1:]).all()
    assert np.isnan(found.span[1:]).all()


@pytest.mark.parametrize("steps", [[0.0, 2.0, 2.0], [0.0, 1.0], [2.0, 1.0, 0.0]])
def test_steps_must_ascend_and_fit(steps: list[float]) -> None:
    """Steps that do not belong to the columns are refused."""
    with pytest.raises(ValueError, match="ascending steps"):
        areas_under(steps, np.zeros((1, 3)))


@settings(max_examples=25)
@given(arrays.arrays(np.float64, (2, 5), elements=st.floats(-100, 100)), st.floats(-5, 5), st.floats(0, 5))
def test_normalised_areas_shift_and_scale(readings: np.ndarray, shift: float, scale: float) -> None:
    """The mean height moves with the curve, and not with the steps."""
    found = areas_under(STEPS, readings, normalise=True)
    moved = areas_under(3 * STEPS + 7, scale * readings + shift, normalise=True)
    np.testing.assert_allclose(moved.area, scale * found.area + shift, atol=1e-9)
