"""Curves before anything is computed of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.data.smoothing import over_time, smoothed
from meta.statistics.estimators.curves import Curve
from tests.figures import make_drawn, make_figure


@pytest.mark.parametrize("width", [2, 3, 6, 50])
def test_running_means_are_those_of_their_definition(width: int) -> None:
    """Centred, over what is there at the ends, without what is not finite."""
    readings = np.random.default_rng(0).normal(1e9, 1, size=20)
    readings[[4, 5]] = np.nan, np.inf
    found = smoothed(Curve(np.arange(20), readings), width).readings
    for place in range(20):
        window = readings[max(0, place - (width - 1) // 2) : place + width // 2 + 1]
        expected = window[np.isfinite(window)].mean() if np.isfinite(readings[place]) else np.nan
        np.testing.assert_allclose(found[place], expected, rtol=1e-12)


def test_nothing_to_smooth() -> None:
    """An empty curve, and one without a finite reading, stay what they are."""
    assert not len(smoothed(Curve(np.arange(0), np.empty(0)), 3).readings)
    assert np.isnan(smoothed(Curve(np.arange(3), np.full(3, np.nan)), 3).readings).all()


def test_over_time_a_curve_has_what_was_logged_last() -> None:
    """Nothing before the first point and after the last one."""
    curve = Curve(np.arange(3), np.array([10.0, 20.0, 30.0]))
    found = over_time([curve], [np.array([1.0, 2.0, 4.0])], np.array([0, 1, 1.5, 2, 3.9, 4, 5.0]))
    np.testing.assert_array_equal(found.readings, [[np.nan, 10, 10, 20, 20, 30, np.nan]])
    # Step 0 was logged again, after step 2.
    found = over_time([curve], [np.array([5.0, 2.0, 4.0])], np.array([1, 2, 3.9, 4, 4.9, 5, 6.0]))
    np.testing.assert_array_equal(found.readings, [[np.nan, 20, 20, 30, 30, 10, np.nan]])


def test_curves_over_seconds(make_records) -> None:
    """The mean at each time is over the repetitions that still ran."""
    records = make_records({"x": [1]}, curves=lambda _p, r: {"m": Curve(np.arange(2), np.full(2, float(r)))})
    times = {identity: np.array([0.0, 10.0 * (row + 1)]) for row, identity in enumerate(records.curves["m"])}
    records = dataclasses.replace(records, times={"m": times})
    figure = make_figure(GraphSpec(kind="curve", y="m", x="seconds"), records)
    (line,) = figure.axes[0].lines
    assert line.get_xdata()[-1] == 50
    assert line.get_ydata()[0] == 2.0
    assert line.get_ydata()[-1] == 4.0
    assert figure.axes[0].get_xlabel() == "time since the start (s)"
    assert "n = 1 to 5 repetitions" in figure.texts[-1].get_text().replace("\n", " ")


def test_smoothing_is_stated(make_records) -> None:
    """Who sees a smooth curve knows that it was smoothed."""
    noise = {r: np.random.default_rng(r).normal(size=100) for r in range(3)}
    records = make_records(
        {"x": [1]}, curves=lambda _p, r: {"m": Curve(np.arange(100), noise[r])}, repetitions=3
    )
    drawn = make_drawn(GraphSpec(kind="curve", y="m", x="step", smoothing=9), records)
    (line,) = drawn.figure.axes[0].lines
    window = np.mean([noise[r][46:55].mean() for r in range(3)])
    assert line.get_ydata()[50] == pytest.approx(window)
    assert "Smoothed over 9 logged points." in drawn.note.below
    assert "Smoothed: the running mean of each repetition, centred." in drawn.note.details


def test_curves_over_seconds_have_gaps(make_records) -> None:
    """Between repetitions that ended early and those that began late there is no line."""
    records = make_records({"x": [1]}, curves=lambda _p, r: {"m": Curve(np.arange(2), np.full(2, float(r)))})
    starts = [0.0, 0.0, 0.0, 60.0, 60.0]
    times = {
        one: np.array([0.0, 20.0]) + start for one, start in zip(records.curves["m"], starts, strict=True)
    }
    records = dataclasses.replace(records, times={"m": times})
    figure = make_figure(GraphSpec(kind="curve", y="m", x="seconds"), records)
    (line,) = figure.axes[0].lines
    x, y = np.array(line.get_xdata()), np.array(line.get_ydata())
    assert np.isnan(y[(x > 20.1) & (x < 59.9)]).all()
    assert (y[x <= 20], y[x >= 60]) == (pytest.approx(1.0), pytest.approx(3.5))
    assert "n = 2 to 3 repetitions" in figure.texts[-1].get_text().replace("\n", " ")
