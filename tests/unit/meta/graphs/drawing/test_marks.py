"""Marks of readings that have no interval, and of intervals that reach beyond an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D
from matplotlib.markers import CARETDOWN, CARETLEFT, CARETUP

from experiments.series_file.sections.graphs import GraphSpec
from meta.statistics.estimators.curves import Curve
from tests.figures import make_drawn

ARROWS = (CARETDOWN, CARETUP, CARETLEFT)


def axes_of(records: Any, **spec: Any) -> Axes:
    (axes,) = make_drawn(GraphSpec.model_validate(spec), records).figure.axes
    return axes


def small_marks(axes: Axes) -> list[list[float]]:
    """Return the readings that are drawn as small marks, one list per point."""
    return [
        sorted(line.get_ydata())
        for line in axes.lines
        if line.get_linestyle() == "None" and line.get_markersize() < 3
    ]


def arrows(axes: Axes) -> list[Line2D]:
    return [line for line in axes.lines if line.get_marker() in ARROWS]


def whisker_count(axes: Axes) -> int:
    found = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    return sum(len(one.lines[2][0].get_segments()) for one in found)


@pytest.mark.parametrize("kind", ["bar", "point", "line"])
@pytest.mark.parametrize("x", [["a", "b", "c"], [1, 2, 3]])
def test_two_readings_are_two_marks(make_records, kind: str, x: list[Any]) -> None:
    """One reading is the estimate itself; three have an interval. None is asked for: none is marked."""
    counts = dict(zip(x, (1, 2, 3), strict=True))
    records = make_records(
        {"x": x}, results=lambda p, r: {"y": 5.0 + r**2} if r < counts[p["x"]] else None, repetitions=3
    )
    axes = axes_of(records, kind=kind, y="y", x="x")
    assert small_marks(axes) == [[5.0, 6.0]]
    assert whisker_count(axes) == 1
    note = make_drawn(GraphSpec(kind=kind, y="y", x="x"), records).note.below
    assert "; none where n < 3." in note
    assert "Small marks: both readings, where n = 2." in note
    assert not small_marks(axes_of(records, kind=kind, y="y", x="x", interval="none"))
    assert not small_marks(axes_of(records, kind=kind, y="y", x="x", interval="sd"))
    assert small_marks(axes_of(records, kind=kind, y="y", x="x", points=True)) == [[5], [5, 6], [5, 6, 9]]


def test_two_readings_of_a_scatter_graph_are_marks_in_both_directions(make_records) -> None:
    """They lie within the axes."""
    records = make_records({"k": [1]}, results=lambda _p, r: {"x": 10.0**r, "y": 1.0 - r}, repetitions=2)
    axes = axes_of(records, kind="scatter", y="y", x="x", scale={"x": "log"})
    (marks,) = (line for line in axes.lines if line.get_markersize() < 3)
    np.testing.assert_array_equal(marks.get_xydata(), [[1, 1], [10, 0]])
    assert axes.get_xlim()[0] <= 1
    assert axes.get_xlim()[1] >= 10


def test_averages_of_two_repetitions_have_no_marks(make_records) -> None:
    """Readings of several configurations differ by more than chance."""
    records = make_records({"x": [1], "d": [1, 2]}, results=lambda p, r: {"y": p["d"] + r}, repetitions=2)
    assert not small_marks(axes_of(records, kind="bar", y="y", x="x", over=["d"]))


def test_an_end_without_a_place_is_an_arrow_at_the_end_of_the_axis(make_records) -> None:
    """On a logarithmic axis; the note counts it."""
    records = make_records(
        {"x": ["a", "b"]},
        results=lambda p, r: {"y": [9.0, 1.0, 1.0][r] if p["x"] == "a" else 5.0 + r},
        repetitions=3,
    )
    spec = {"kind": "bar", "y": "y", "x": "x", "scale": "log", "interval": "sd"}
    axes = axes_of(records, **spec)
    (arrow,) = arrows(axes)
    assert (arrow.get_marker(), arrow.get_xydata().tolist()) == (CARETDOWN, [[0.0, 0.0]])
    bottom = axes.transAxes.transform((0, 0))[1]
    assert arrow.get_transform().transform((0.0, 0.0))[1] == pytest.approx(bottom)
    assert (
        "1 interval cut at the ends of the axes."
        in make_drawn(GraphSpec.model_validate(spec), records).note.below
    )


def test_ends_beyond_limits_are_arrows(make_records) -> None:
    """In both directions; of a point that is outside itself there is nothing."""
    records = make_records(
        {"x": ["a", "b", "c"]},
        results=lambda p, r: {"y": {"a": 0.0, "b": 5.0, "c": 20.0}[p["x"]] + 2 * (r - 1.0)},
        repetitions=3,
    )
    found = arrows(axes_of(records, kind="point", y="y", x="x", limits=[-1, 8]))
    assert [(one.get_marker(), one.get_xydata().tolist()) for one in found] == [
        (CARETDOWN, [[0.0, 0.0]]),
        (CARETUP, [[1.0, 1.0]]),
    ]
    assert not arrows(axes_of(records, kind="point", y="y", x="x"))


def test_arrows_of_a_scatter_graph_point_sideways_too(make_records) -> None:
    """Along x an end of 0 has no place."""
    records = make_records(
        {"k": [1]}, results=lambda _p, r: {"x": [9.0, 1.0, 1.0][r], "y": float(r)}, repetitions=3
    )
    found = arrows(axes_of(records, kind="scatter", y="y", x="x", scale={"x": "log"}, interval="sd"))
    assert [(one.get_marker(), one.get_xydata().tolist()) for one in found] == [(CARETLEFT, [[0.0, 1.0]])]


def test_a_band_without_an_end_is_filled_to_the_end_of_the_axis(make_records) -> None:
    """No arrow stands in it; steps of fewer than three repetitions have no band."""

    def curves(_parameters: object, repetition: int) -> dict[str, Curve]:
        readings = np.array([9.0, 9.0, 9.0, 9.0]) if repetition == 0 else np.array([1.0, 1.0, 1.0, 1.0])
        return {"m": Curve(np.arange(4 - (repetition == 2)), readings[: 4 - (repetition == 2)])}

    records = make_records({"k": [1]}, curves=curves, repetitions=3)
    axes = axes_of(records, kind="curve", y="m", x="step", scale="log", interval="sd")
    (band,) = (found for found in axes.collections if isinstance(found, PolyCollection))
    path = axes.transData.transform_path(band.get_paths()[0])
    assert path.vertices[:, 1].min() < axes.transAxes.transform((0, 0))[1]
    assert not arrows(axes)
    plain = axes_of(records, kind="curve", y="m", x="step")
    (band,) = (found for found in plain.collections if isinstance(found, PolyCollection))
    assert band.get_paths()[0].vertices[:, 0].max() == 2
