"""The options that kinds share: what is computed, what is chosen, and how it looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer, ErrorbarContainer
from scipy import stats

from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.figure.render import draw
from meta.records.errors import GraphError
from meta.statistics.estimators.curves import Curve
from tests.figures import make_figure, make_task


def gamma(parameters: dict[str, Any], repetition: int) -> float:
    seed = [*map(ord, "".join(map(str, parameters.values()))), repetition]
    return float(np.random.default_rng(seed).gamma(2.0))


def results(parameters: dict[str, Any], repetition: int) -> dict[str, float]:
    return {"y": gamma(parameters, repetition), "hit": gamma(parameters, repetition) > 1}


def readings(count: int, **parameters: Any) -> np.ndarray:
    return np.array([gamma(parameters, repetition) for repetition in range(count)])


def note_of(figure: Any) -> str:
    return figure.texts[-1].get_text().replace("\n", " ")


def bars(figure: Any) -> tuple[list[float], np.ndarray]:
    """Return the heights of the bars, and the ends of their whiskers, shape (bars, 2)."""
    heights, ends = [], []
    for axes in figure.axes:
        for found in axes.containers:
            if isinstance(found, BarContainer):
                heights += [bar.get_height() for bar in found]
            if isinstance(found, ErrorbarContainer):
                ends += [segment[:, 1] for segment in found.lines[2][0].get_segments()]
    return heights, np.array(ends)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", np.mean),
        ("median", np.median),
        ("trimmed_mean", lambda found: stats.trim_mean(found, 0.1)),
        ("iqm", lambda found: stats.trim_mean(found, 0.25)),
    ],
)
def test_estimators(make_records, name: str, expected: Any) -> None:
    """Each is that of numpy or scipy, and the note names it."""
    records = make_records({"x": ["a", "b"]}, results=results, repetitions=20)
    figure = make_figure(GraphSpec(kind="bar", y="y", x="x", estimator=name, interval="none"), records)
    heights, ends = bars(figure)
    np.testing.assert_allclose(heights, [expected(readings(20, x=x)) for x in "ab"])
    assert not len(ends)
    words = {"trimmed_mean": "10 % trimmed mean", "iqm": "interquartile mean"}.get(name, name)
    assert f"made-up: {words} over n = 20 repetitions." in note_of(figure)


@pytest.mark.parametrize(
    ("interval", "expected", "words"),
    [
        ("sd", lambda x: x.mean() + np.array([-1, 1]) * x.std(ddof=1), "one standard deviation to each side"),
        ("se", lambda x: x.mean() + np.array([-1, 1]) * stats.sem(x), "one standard error to each side"),
        ("quantiles", lambda x: np.quantile(x, [0.25, 0.75]), "the middle 50 % of the readings"),
    ],
)
def test_intervals_that_are_no_bootstrap(make_records, interval: str, expected: Any, words: str) -> None:
    """Whiskers end where the definition says, and the note calls them what they are."""
    records = make_records({"x": ["a", "b"]}, results=results, repetitions=20)
    figure = make_figure(GraphSpec(kind="bar", y="y", x="x", interval=interval), records)
    np.testing.assert_allclose(bars(figure)[1], [expected(readings(20, x=x)) for x in "ab"])
    assert words in note_of(figure)


def test_exact_intervals_of_medians_and_shares(make_records) -> None:
    """Of a median between two readings, of a share as scipy's Clopper-Pearson."""
    records = make_records({"x": ["a", "b"]}, results=results, repetitions=15)
    median = make_figure(GraphSpec(kind="bar", y="y", x="x", estimator="median", interval="exact"), records)
    lower = int(stats.binom.ppf(0.025, 15, 0.5))
    expected = [np.sort(readings(15, x=x))[[lower - 1, 15 - lower]] for x in "ab"]
    np.testing.assert_allclose(bars(median)[1], expected)
    share = make_figure(GraphSpec(kind="bar", y="hit", x="x", interval="exact"), records)
    found = [stats.binomtest(int((readings(15, x=x) > 1).sum()), 15).proportion_ci() for x in "ab"]
    np.testing.assert_allclose(bars(share)[1], [[one.low, one.high] for one in found])
    with pytest.raises(GraphError, match="only where readings are 0 and 1"):
        make_figure(GraphSpec(kind="bar", y="y", x="x", interval="exact"), records)


def test_an_interval_that_does_not_exist_is_not_drawn(make_records) -> None:
    """Four readings have no 95 % interval of their median, five have their range."""
    records = make_records(
        {"x": ["a", "b"]}, results=lambda p, r: results(p, r) if p["x"] == "a" or r < 4 else None
    )
    figure = make_figure(GraphSpec(kind="bar", y="y", x="x", estimator="median", interval="exact"), records)
    (ends,) = bars(figure)[1]
    np.testing.assert_allclose(ends, [readings(5, x="a").min(), readings(5, x="a").max()])
    assert "median with 93.75 % interval (the range; whiskers) over" in note_of(figure)
    assert "; none where n = 4." in note_of(figure)


def test_the_level_widens_intervals(make_records) -> None:
    """`ci99` is an interval of that level, wider than `ci`, and the note has it."""
    records = make_records({"x": ["a"]}, results=results, repetitions=20)
    wide = make_figure(
        GraphSpec.model_validate({"kind": "bar", "y": "y", "x": "x", "interval": "ci99"}), records
    )
    usual = make_figure(GraphSpec(kind="bar", y="y", x="x"), records)
    corrected = make_figure(GraphSpec(kind="bar", y="y", x="x", interval="bca"), records)
    assert np.ptp(bars(wide)[1]) > np.ptp(bars(usual)[1])
    assert not np.allclose(bars(corrected)[1], bars(usual)[1])
    assert "99 % t interval" in note_of(wide)
    assert "95 % BCa interval" in note_of(corrected)


def test_averages_over_named_parameters_weigh_configurations_alike(make_records) -> None:
    """The mean over configurations of their means, however many repetitions each has."""
    records = make_records(
        {"x": ["a", "b"], "data": [1, 2, 3]},
        results=lambda p, r: results(p, r) if r < 4 * p["data"] else None,
        repetitions=12,
    )
    figure = make_figure(GraphSpec(kind="bar", y="y", x="x", over=("data",)), records)
    heights, ends = bars(figure)
    without = make_figure(GraphSpec(kind="bar", y="y", x="x", over=("data",), interval="none"), records)
    np.testing.assert_allclose(bars(without)[0], heights)
    expected = [np.mean([readings(4 * d, x=x, data=d).mean() for d in (1, 2, 3)]) for x in "ab"]
    np.testing.assert_allclose(heights, expected)
    assert (ends[:, 0] < heights).all()
    assert (ends[:, 1] > heights).all()
    assert "Averages over data (3 values): mean of their means." in note_of(figure)


def test_trimmed_averages_are_over_all_readings(make_records) -> None:
    """An interquartile mean over configurations is that of all their readings, as in rliable."""
    records = make_records({"x": ["a"], "data": [1, 2, 3]}, results=results, repetitions=8)
    expected = stats.trim_mean(np.concatenate([readings(8, x="a", data=d) for d in (1, 2, 3)]), 0.25)
    for interval in ("ci", "none"):
        spec = GraphSpec(kind="bar", y="y", x="x", over=("data",), estimator="iqm", interval=interval)
        assert bars(make_figure(spec, records))[0] == [pytest.approx(expected)]


def test_an_average_that_lacks_a_configuration_is_not_drawn(make_records) -> None:
    """Without one data set it would be an average over other data sets than its neighbours'."""
    records = make_records(
        {"x": ["a", "b"], "data": [1, 2]},
        results=lambda p, r: None if p == {"x": "b", "data": 2} else results(p, r),
    )
    figure = make_figure(GraphSpec(kind="bar", y="y", x="x", over=("data",)), records)
    assert len(bars(figure)[0]) == 1
    assert "Not drawn, as some configurations have no finite reading: x=b (data=2)." in note_of(figure)
    pooled = make_figure(GraphSpec(kind="strip", y="y", x="x", over=("data",)), records)
    assert [len(line.get_ydata()) for line in pooled.axes[0].lines] == [10, 5]
    assert "Pools the others, as some configurations have no finite reading: x=b (data=2)." in note_of(pooled)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"kind": "heatmap", "x": "x", "rows": "k"}, r"differ in data \(2 values\).*write over: \[data\]"),
        ({"kind": "profile", "hue": "x", "over": ("k",)}, r"differ in data \(2 values\)"),
        ({"kind": "ranking", "x": "x", "over": ("k",)}, r"differ in data \(2 values\)"),
    ],
)
def test_an_average_that_nobody_asked_for_is_refused(
    make_records, asked: dict[str, Any], message: str
) -> None:
    """Where no legend tells configurations apart, what would be averaged is listed."""
    records = make_records({"x": ["a", "b"], "k": [1, 2], "data": [1, 2]}, results=results)
    with pytest.raises(GraphError, match=message):
        make_figure(GraphSpec(y="y", **asked), records)


def test_curves_over_named_parameters(make_records) -> None:
    """The mean of both configurations' means at each step they have in common."""
    short, long = np.arange(3), np.arange(5)

    def curves(parameters: dict[str, Any], repetition: int) -> dict[str, Curve]:
        steps = short if parameters["data"] == 1 else long
        return {"m": Curve(steps, steps * parameters["data"] + gamma(parameters, repetition))}

    records = make_records({"data": [1, 2]}, curves=curves, repetitions=6)
    figure = make_figure(GraphSpec(kind="curve", y="m", x="step", over=("data",)), records)
    (line,) = figure.axes[0].lines
    means = [readings(6, data=data).mean() for data in (1, 2)]
    np.testing.assert_array_equal(line.get_xdata(), short)
    np.testing.assert_allclose(line.get_ydata(), short * 1.5 + np.mean(means))
    assert "over n = 6 repetitions of 2 configurations (12 experiments)." in note_of(figure)
    assert "Averages over data (2 values): mean of their means." in note_of(figure)


def test_where_chooses_configurations(make_records) -> None:
    """One value or several; the others are neither drawn nor counted, and the note says so."""
    records = make_records(
        {"x": ["a", "b", "c"], "k": [1, 2]}, results=results, missing=lambda p: {"error": p["k"] - 1}
    )
    spec = GraphSpec(kind="bar", y="y", x="x", where={"x": ["c", "a"], "k": 1})
    figure = make_figure(spec, records)
    np.testing.assert_allclose(bars(figure)[0], [readings(5, x=x, k=1).mean() for x in "ac"])
    assert "Only x = c or a, k = 1." in note_of(figure)
    assert "failed" not in note_of(figure)
    for where, message in (
        ({"z": 1}, "where: there is no parameter named 'z'"),
        ({"k": [1, 3]}, "where: no configuration has k = 3; its values: 1, 2"),
        ({"k": True}, "where: no configuration has k = true"),
    ):
        with pytest.raises(GraphError, match=message):
            make_figure(GraphSpec(kind="bar", y="y", x="x", where=where), records)


def test_panels_by_row_and_column(make_records) -> None:
    """Each combination has its place; one that is missing leaves it empty."""
    records = make_records({"r": [1, 2], "c": ["u", "v", "w"], "x": [1, 2, 3]}, results=results)
    spec = GraphSpec.model_validate(
        {"y": "y", "x": "x", "facet": {"row": "r", "column": "c"}, "where": {"r": [1, 2]}}
    )
    figure = make_figure(spec, records)
    places = {axes.get_title(): axes.get_subplotspec() for axes in figure.axes}
    for row, r in enumerate((1, 2)):
        for column, c in enumerate("uvw"):
            spec_of = places[f"r = {r}, c = {c}"]
            assert (spec_of.rowspan.start, spec_of.colspan.start) == (row, column)
    assert [bool(axes.get_ylabel()) for axes in figure.axes] == [True, False, False] * 2


def test_style_sets_marks_and_hue_the_colour(make_records) -> None:
    """Lines of one hue have one colour, lines of one style one dash and marker."""
    records = make_records({"x": [1, 2, 3], "h": ["p", "q"], "s": ["u", "v"]}, results=results)
    (axes,) = make_figure(GraphSpec(y="y", x="x", hue="h", style="s"), records).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["h=p, s=u"].get_color() == lines["h=p, s=v"].get_color() != lines["h=q, s=u"].get_color()
    assert lines["h=p, s=u"].get_marker() == lines["h=q, s=u"].get_marker() != lines["h=p, s=v"].get_marker()
    assert lines["h=p, s=u"].get_linestyle() != lines["h=p, s=v"].get_linestyle()


def test_order_of_categories_and_of_the_legend(make_records) -> None:
    """Named values go first; a list is that of x; an unknown one is refused."""
    records = make_records({"x": [1, 2, 3], "h": ["p", "q"]}, results=results)
    asked = {"kind": "bar", "y": "y", "x": "x", "hue": "h", "order": {"x": [3], "h": ["q"]}}
    figure = make_figure(GraphSpec.model_validate(asked), records)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["3", "1", "2"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["q", "p"]
    short = GraphSpec.model_validate({"y": "y", "x": "x", "order": [3, 1]})
    assert short.order == {"x": (3, 1)}
    with pytest.raises(GraphError, match="order: x is never 7; its values: 1, 2, 3"):
        make_figure(GraphSpec(y="y", x="x", order={"x": (7,)}), records)


def test_scales_and_what_has_no_place_on_them(make_records) -> None:
    """Points without a place are counted; where nothing has a place the scale is refused."""
    records = make_records(
        {"x": [1, 2, 3]}, results=lambda p, _r: {"y": float(p["x"] - 2), "n": -1.0, "least": 5e-324}
    )
    figure = make_figure(GraphSpec.model_validate({"y": "y", "x": "x", "scale": "log"}), records)
    assert figure.axes[0].get_yscale() == "log"
    assert "2 values of 0 or less have no place on a logarithmic axis." in note_of(figure)
    marked = GraphSpec.model_validate({"y": "y", "x": "x", "scale": "log", "points": True})
    assert "12 values of 0 or less have no place" in note_of(make_figure(marked, records))
    both = GraphSpec.model_validate({"y": "y", "x": "x", "scale": {"x": "log", "y": "symlog"}})
    (axes,) = make_figure(both, records).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "symlog")
    for scale, message in (("log", "needs values that are positive"), ("logit", "between 0 and 1")):
        with pytest.raises(GraphError, match=message):
            make_figure(GraphSpec.model_validate({"y": "n", "x": "x", "scale": scale}), records)
    for kind in ("line", "ecdf"):
        axis = {"kind": kind, "y": "least", **({"x": "x"} if kind == "line" else {})}
        assert make_figure(GraphSpec.model_validate(axis | {"scale": "symlog"}), records).axes
        with pytest.raises(GraphError, match="needs values that are positive"):
            make_figure(GraphSpec.model_validate(axis | {"scale": "log"}), records)
    with pytest.raises(GraphError, match=r"scale\.x: the values of x stand side by side"):
        make_figure(
            GraphSpec.model_validate({"kind": "bar", "y": "y", "x": "x", "scale": {"x": "log"}}), records
        )


def test_limits_and_cut_bars(make_records) -> None:
    """The axis has the ends, an end that is null is free, and cut bars are called that."""
    records = make_records({"x": ["a", "b"]}, results=results)
    figure = make_figure(GraphSpec.model_validate({"y": "y", "x": "x", "limits": [0.5, None]}), records)
    assert figure.axes[0].get_ylim()[0] == 0.5
    assert "Bars do not start at 0: their lengths do not compare." in note_of(figure)
    with pytest.raises(GraphError, match=r"limits\.x: the values of x stand side by side"):
        make_figure(GraphSpec.model_validate({"y": "y", "x": "x", "limits": {"x": [0, 1]}}), records)


def test_labels_title_size_formats_and_theme(make_records) -> None:
    """What the file says stands there, in its size, on its paper, in its formats."""
    records = make_records({"x": ["a", "b"], "h": [1, 2]}, results=results)
    asked = {"y": "y", "x": "x", "hue": "h", "theme": "dark", "size": [4, 5], "formats": ["pdf", "png"]}
    asked |= {"labels": {"x": "Across", "y": "Upwards", "legend": "Colours"}, "title": "Title"}
    spec = GraphSpec.model_validate(asked)
    figure = make_figure(spec, records)
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Across", "Upwards")
    assert figure.legends[0].get_title().get_text() == "Colours"
    assert figure.get_size_inches().tolist() == [4, 5]
    assert to_hex(figure.get_facecolor()) == "#1f1f1f"
    task = make_task(spec, records)
    first = draw(task)
    assert list(first.files) == ["pdf", "png"]
    assert draw(task) == first
    with pytest.raises(GraphError, match=r"size: 1\.5 inches are too low .* are enough at this width"):
        make_figure(GraphSpec(y="y", x="x", size=(3.5, 1.5)), records)
    assert make_figure(GraphSpec(y="y", x="x", size="page"), records).get_size_inches()[0] == 7


@pytest.mark.parametrize("kind", ["line", "bar", "point", "box", "violin"])
def test_readings_behind_points_on_request(make_records, kind: str) -> None:
    """`points` adds one small mark per reading, and the note says what they are."""
    records = make_records({"x": [1, 2, 3]}, results=results, repetitions=12)
    plain = make_figure(GraphSpec(kind=kind, y="y", x="x"), records)
    marked = make_figure(GraphSpec(kind=kind, y="y", x="x", points=True), records)
    expected = {round(gamma({"x": x}, r), 12) for x in (1, 2, 3) for r in range(12)}

    def shown(figure: Any) -> set[float]:
        return {round(float(y), 12) for line in figure.axes[0].lines for y in line.get_ydata()}

    assert expected <= shown(marked)
    assert not expected <= shown(plain)
    assert kind == "violin" or "mall marks: each reading." in note_of(marked)


def test_single_repetitions_of_curves_on_request(make_records) -> None:
    """Each repetition is a thin line behind the mean."""
    curves = {r: np.random.default_rng(r).normal(size=20) for r in range(4)}
    records = make_records(
        {"x": [1]}, curves=lambda _p, r: {"m": Curve(np.arange(20), curves[r])}, repetitions=4
    )
    figure = make_figure(GraphSpec(kind="curve", y="m", x="step", points=True), records)
    (runs,) = (found for found in figure.axes[0].collections if isinstance(found, LineCollection))
    np.testing.assert_allclose([segment[:, 1] for segment in runs.get_segments()], list(curves.values()))
    assert "Thin lines: each repetition." in note_of(figure)
