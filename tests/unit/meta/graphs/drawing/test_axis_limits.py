"""What lies along the axes: limits that include what is drawn, and counts of what they hide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.container import ErrorbarContainer

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from meta.statistics.estimators.curves import Curve
from tests.figures import make_figure

LABELS = {"x": MetricSection(goal="min"), "y": MetricSection(goal="min")}


def figure_of(records: Any, **spec: Any) -> Any:
    return make_figure(GraphSpec.model_validate(spec), records)


def note_of(figure: Any) -> str:
    return str(figure.texts[-1].get_text()).replace("\n", " ")


def whiskers(axes: Any) -> list[np.ndarray]:
    """Return the ends of the whiskers up and down, one array per container."""
    found = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    return [np.array([segment[:, 1] for segment in one.lines[2][0].get_segments()]) for one in found]


@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
def test_readings_of_a_scatter_graph_are_within_its_axes(make_records, scale: str) -> None:
    """The note says that each reading is a mark, so that each must be seen."""
    records = make_records(
        {"k": [1, 2, 3]}, results=lambda p, r: {"x": p["k"] * 10.0**r, "y": p["k"] / 10.0**r}, repetitions=9
    )
    asked = {"kind": "scatter", "y": "y", "x": "x", "points": True, "scale": {"x": scale, "y": scale}}
    figure = figure_of(records, **asked)
    (axes,) = figure.axes
    for limits, low, high in ((axes.get_xlim(), 1, 3e8), (axes.get_ylim(), 1e-8, 3)):
        assert limits[0] <= low
        assert limits[1] >= high
    assert "outside" not in note_of(figure)
    assert "Small marks: each reading." in note_of(figure)


def test_a_point_outside_of_both_axes_is_one_point(make_records) -> None:
    """Three of the readings, and one of the estimates, have no place on a scale."""
    table = {(1, 0): (-1.0, -1.0), (1, 1): (-1.0, 1.0), (2, 0): (5.0, -1.0), (2, 1): (5.0, 3.0)}
    records = make_records(
        {"k": [1, 2]},
        results=lambda p, r: dict(zip(("x", "y"), table[p["k"], r], strict=True)),
        repetitions=2,
    )
    asked = {"kind": "scatter", "y": "y", "x": "x", "points": True, "scale": {"x": "log", "y": "log"}}
    note = note_of(figure_of(records, **asked))
    assert "4 negative values have no place on a logarithmic axis." in note
    without = note_of(figure_of(records, **asked | {"points": False, "interval": "sd"}))
    assert "1 negative value has no place on a logarithmic axis." in without
    assert "1 interval cut at the ends of the axes." in without


@pytest.mark.parametrize(
    ("readings", "asked", "told"),
    [
        ((1, 2, -1), {"scale": "log"}, "1 negative value has no place on a logarithmic axis."),
        ((1, 0, 0), {"scale": "log"}, "2 values of 0 have no place on a logarithmic axis."),
        ((0.5, 0, 2), {"scale": "logit"}, "2 values not between 0 and 1 have no place on a logit axis."),
        ((1, 5, 9), {"limits": [0, 7]}, "1 point outside of the limits."),
        (
            (-1, 5, 9),
            {"scale": "log", "limits": [1, 7]},
            "1 negative value has no place on a logarithmic axis. 1 point outside of the limits.",
        ),
    ],
)
def test_what_has_no_place_is_told_apart_from_what_limits_leave_out(
    make_records, readings: Sequence[float], asked: Mapping[str, Any], told: str
) -> None:
    """A negative number is on no logarithmic axis, whatever its limits are."""
    records = make_records({"k": [0, 1, 2]}, results=lambda p, _r: {"y": readings[p["k"]]}, repetitions=1)
    for by in ({"kind": "bar", "x": "k"}, {"kind": "ecdf", "over": ["k"]}):
        note = note_of(figure_of(records, y="y", **by, **asked))
        assert told in note
        assert "axes" not in note


def test_thin_lines_of_a_curve_are_within_its_axes(make_records) -> None:
    """A logarithmic axis reaches over each repetition; what has no place on it breaks its line."""
    records = make_records(
        {"k": [1]}, curves=lambda _p, r: {"m": Curve(np.arange(4), np.array([10.0**r, 1, 1, r - 1]))}
    )
    figure = figure_of(records, kind="curve", y="m", x="step", points=True, scale="log")
    (axes,) = figure.axes
    assert axes.get_ylim()[1] >= 1e4
    (runs,) = (found for found in axes.collections if isinstance(found, LineCollection))
    ends = [path.vertices[-1, 1] for path in runs.get_paths()]
    np.testing.assert_array_equal(ends, [np.nan, np.nan, 1, 2, 3])
    assert "2 values of 0 or less have no place on a logarithmic axis." in note_of(figure)


def test_a_line_breaks_where_a_point_has_no_place(make_records) -> None:
    """No stroke leads to the end of a logarithmic axis; what is left alone has a mark and whiskers."""
    means = {1: 5.0, 2: 4.0, 3: -1.0, 4: 2.0, 5: 0.0, 6: 3.0, 7: 3.0}
    records = make_records({"k": list(means)}, results=lambda p, r: {"y": means[p["k"]] + (r - 2) / 10})
    figure = figure_of(records, kind="line", y="y", x="k", scale={"y": "log"})
    (axes,) = figure.axes
    drawn = next(
        line for line in axes.lines if line.get_label() != "_nolegend_" and len(line.get_xdata()) == 7
    )
    expected = [np.nan if mean <= 0 else mean for mean in means.values()]
    np.testing.assert_allclose(drawn.get_ydata(), expected)
    (band,) = (found for found in axes.collections if isinstance(found, PolyCollection))
    reached = np.concatenate([path.vertices for path in band.get_paths()])
    assert not {3, 5} & set(np.round(reached[:, 0]))
    (alone,) = whiskers(axes)
    assert len(alone) == 1
    assert alone[0][0] < 2 < alone[0][1]
    assert "(band, or whiskers at single points)" in note_of(figure)
    assert "2 negative values have no place on a logarithmic axis." in note_of(figure)


def test_a_curve_shows_a_step_that_is_left_alone(make_records) -> None:
    """Between steps without a place, a line of one point would not be seen."""
    readings = np.where(np.arange(40) % 2, -1.0, 1.0)
    records = make_records({"k": [1]}, curves=lambda _p, r: {"m": Curve(np.arange(40), readings)})
    (axes,) = figure_of(records, kind="curve", y="m", x="step", scale="log", interval="none").axes
    (line,) = axes.lines
    assert line.get_marker() == "o"
    assert line.get_markevery() == list(range(0, 40, 2))


@pytest.mark.parametrize("kind", ["bar", "point"])
def test_no_whisker_stands_without_its_point(make_records, kind: str) -> None:
    """The upper end of an interval has a place, its estimate has none: neither is drawn."""
    records = make_records(
        {"k": ["a", "b"]}, results=lambda p, r: {"y": 3.0 * r - (9 if p["k"] == "a" else 3)}
    )
    figure = figure_of(records, kind=kind, y="y", x="k", scale="log")
    (found,) = whiskers(figure.axes[0])
    assert len(found) == 1
    assert "1 negative value has no place on a logarithmic axis." in note_of(figure)


def test_intervals_beyond_the_limits_are_counted(make_records) -> None:
    """An interval that leaves the axes looks shorter than it is."""
    records = make_records({"k": ["a", "b"]}, results=lambda p, r: {"y": r * (3.0 if p["k"] == "a" else 0.1)})
    figure = figure_of(records, kind="point", y="y", x="k", limits=[0, 7])
    assert "1 interval cut at the ends of the axes." in note_of(figure)
    assert "outside" not in note_of(figure)


def test_a_front_of_one_point_is_seen(make_records) -> None:
    """A staircase of one point has no length: there is a ring, and the legend has the same."""
    records = make_records(
        {"m": [1, 2]}, results=lambda p, _r: {"x": float(p["m"]), "y": float(p["m"])}, labels=LABELS
    )
    figure = figure_of(records, kind="scatter", y="y", x="x")
    (front,) = (line for line in figure.axes[0].lines if line.get_label() == "Pareto front")
    assert front.get_marker() == "o"
    assert (front.get_xdata().tolist(), front.get_ydata().tolist()) == ([1], [1])
    (handle,) = figure.legends[0].legend_handles
    assert (handle.get_marker(), handle.get_linestyle()) == ("o", "None")


def test_a_front_without_a_place_is_not_in_the_legend(make_records) -> None:
    """What is not drawn is not explained."""
    records = make_records(
        {"m": [-1, 2]}, results=lambda p, _r: {"x": float(p["m"]), "y": float(p["m"])}, labels=LABELS
    )
    figure = figure_of(records, kind="scatter", y="y", x="x", scale={"x": "log"})
    assert not figure.legends


def test_a_point_of_a_scatter_graph_is_what_the_note_says(make_records) -> None:
    """With `over` it is several configurations."""
    records = make_records(
        {"k": [1, 2], "d": [3, 4]}, results=lambda p, r: {"x": p["k"] + r, "y": p["d"] + 2.0 * r}
    )
    averaged = figure_of(records, kind="scatter", y="y", x="x", over=["d"])
    assert "one point per setting of all parameters but d: mean" in note_of(averaged)
    assert "one point per configuration: mean" in note_of(figure_of(records, kind="scatter", y="y", x="x"))
