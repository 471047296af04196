"""Curves of several repetitions on one grid."""

from __future__ import annotations

import numpy as np

from meta.statistics.estimators.curves import Curve, StepGrid


def curve(steps: list[int], readings: list[float]) -> Curve:
    return Curve(np.array(steps, dtype=np.int64), np.array(readings, dtype=np.float64))


def test_steps_that_a_repetition_lacks_are_missing() -> None:
    """The columns are all steps of all curves; where a curve has none there is NaN."""
    curves = [curve([1, 2, 5], [1.0, 2.0, 5.0]), curve([2, 3], [20.0, 30.0])]
    matrix = StepGrid.covering(curves).matrix(curves)
    assert matrix.steps.tolist() == [1.0, 2.0, 3.0, 5.0]
    np.testing.assert_array_equal(matrix.readings, [[1.0, 2.0, np.nan, 5.0], [np.nan, 20.0, 30.0, np.nan]])


def test_shared_steps_keep_the_order_of_the_repetitions() -> None:
    """Rows are in the order of the curves, whichever of them share their array of steps."""
    shared = np.array([0, 1], dtype=np.int64)
    curves = [
        Curve(shared, np.array([1.0, 2.0])),
        curve([0, 1], [3.0, 4.0]),
        Curve(shared, np.array([5.0, 6.0])),
    ]
    matrix = StepGrid.covering(curves).matrix(curves)
    assert matrix.readings.tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def test_too_many_steps_are_averaged_within_windows() -> None:
    """Each repetition's finite readings in a window are averaged first; the window's middle is its step."""
    readings = np.arange(100.0)
    readings[20:30] = np.nan
    readings[31] = np.inf
    curves = [Curve(np.arange(100, dtype=np.int64), readings), curve([3, 12], [7.0, 8.0])]
    grid = StepGrid.covering(curves, max_steps=20)
    matrix = grid.matrix(curves)
    assert grid.window == 10
    assert matrix.steps.tolist() == [4.5 + 10 * window for window in range(10)]
    expected = [
        np.mean([value for value in readings[start : start + 10] if np.isfinite(value)] or [np.nan])
        for start in range(0, 100, 10)
    ]
    np.testing.assert_allclose(matrix.readings[0], expected)
    np.testing.assert_array_equal(matrix.readings[1], [7.0, 8.0] + [np.nan] * 8)


def test_windows_are_round_numbers_and_few_enough() -> None:
    """A window is 1, 2 or 5 times a power of ten, and there are never more columns than allowed."""
    for points in (21, 37, 99, 1_234):
        curves = [curve(list(range(7, 7 + points)), [0.0] * points)]
        grid = StepGrid.covering(curves, max_steps=20)
        assert str(grid.window).rstrip("0") in {"1", "2", "5"}
        assert len(grid.matrix(curves).steps) <= 20


def test_no_curves_are_an_empty_matrix() -> None:
    """A configuration without curves has no rows and no columns."""
    assert StepGrid.covering([]).matrix([]).readings.shape == (0, 0)
