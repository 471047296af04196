"""The numbers of a box against numpy, scipy and matplotlib's own."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.cbook import boxplot_stats

from meta.statistics.estimators.quartiles import box_summary


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 17, 100])
def test_box_agrees_with_matplotlib(count: int) -> None:
    """Quartiles, whiskers and outliers are those of matplotlib's independent computation."""
    readings = np.random.default_rng(count).standard_t(2, size=count)
    found = box_summary(readings)
    expected = boxplot_stats(readings)[0]
    assert found.median == pytest.approx(expected["med"])
    assert found.first_quartile == pytest.approx(expected["q1"])
    assert found.third_quartile == pytest.approx(expected["q3"])
    assert found.low_whisker == pytest.approx(expected["whislo"])
    assert found.high_whisker == pytest.approx(expected["whishi"])
    np.testing.assert_allclose(found.outliers, np.sort(expected["fliers"]))
    assert found.count == count


def test_box_leaves_out_what_is_not_finite() -> None:
    """NaN and the infinities do not enter the quartiles, and the count says so."""
    found = box_summary(np.array([np.nan, 1.0, 2.0, np.inf, 3.0, -np.inf]))
    assert (found.median, found.count) == (2.0, 3)


def test_box_of_nothing_is_refused() -> None:
    """Without a finite reading there is no box."""
    with pytest.raises(ValueError, match="at least one"):
        box_summary(np.array([np.nan]))
