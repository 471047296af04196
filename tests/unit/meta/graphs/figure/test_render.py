"""The data of the artists against means and intervals computed in another way."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.image import imread
from scipy import stats

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.figure.render import draw
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.curves import Curve
from tests.figures import make_figure, make_task

STEPS = np.arange(1, 31, dtype=np.int64)


def noise(parameters: dict[str, Any], repetition: int, size: int | None = None) -> Any:
    return np.random.default_rng([len(str(parameters)), repetition]).gamma(2.0, size=size)


def accuracy(parameters: dict[str, Any], repetition: int) -> dict[str, float]:
    return {"accuracy": float(noise(parameters, repetition))}


def loss(parameters: dict[str, Any], repetition: int) -> dict[str, Curve]:
    return {"loss": Curve(STEPS, noise(parameters, repetition, len(STEPS)))}


def assert_intervals(found: tuple[Any, Any], readings: np.ndarray) -> None:
    """Compare with scipy's t intervals of the columns of readings."""
    error = stats.sem(readings, axis=0)
    expected = stats.t.interval(0.95, len(readings) - 1, loc=readings.mean(axis=0), scale=error)
    np.testing.assert_allclose(found, expected)


def band_ends(band: PolyCollection, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper edge of a band at each x."""
    vertices = band.get_paths()[0].vertices
    ends = [vertices[np.isclose(vertices[:, 0], place), 1] for place in x]
    return np.array([end.min() for end in ends]), np.array([end.max() for end in ends])


def test_curves_show_mean_and_band_of_each_configuration(make_records) -> None:
    """One line and one band per configuration: the mean over repetitions and its interval, per step."""
    records = make_records({"opt": ["sgd", "adamw"]}, curves=loss, repetitions=12)
    (axes,) = make_figure(GraphSpec(y="loss", x="step", hue="opt"), records).axes
    bands = [artist for artist in axes.collections if isinstance(artist, PolyCollection)]
    assert [line.get_label() for line in axes.lines] == ["sgd", "adamw"]
    for line, band, name in zip(axes.lines, bands, ("sgd", "adamw"), strict=True):
        readings = np.array([noise({"opt": name}, repetition, len(STEPS)) for repetition in range(12)])
        np.testing.assert_array_equal(line.get_xdata(), STEPS)
        np.testing.assert_allclose(line.get_ydata(), readings.mean(axis=0))
        assert_intervals(band_ends(band, STEPS), readings)


def test_lines_show_mean_and_band_at_their_numbers(make_records) -> None:
    """Against numbers, points stand at the numbers, on a logarithmic axis from two decades on."""
    records = make_records({"lr": [0.001, 0.1, 0.01], "opt": ["a", "bb"]}, results=accuracy, repetitions=9)
    (axes,) = make_figure(GraphSpec(y="accuracy", x="lr", hue="opt"), records).axes
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.001", "0.01", "0.1"]
    bands = [artist for artist in axes.collections if isinstance(artist, PolyCollection)]
    for line, band, name in zip(axes.lines, bands, ("a", "bb"), strict=True):
        readings = np.array(
            [
                [noise({"lr": lr, "opt": name}, repetition) for lr in (0.001, 0.01, 0.1)]
                for repetition in range(9)
            ]
        )
        np.testing.assert_allclose(line.get_xdata(), [0.001, 0.01, 0.1])
        np.testing.assert_allclose(line.get_ydata(), readings.mean(axis=0))
        assert_intervals(band_ends(band, np.array([0.001, 0.01, 0.1])), readings)


def test_less_than_two_decades_or_zero_stay_linear(make_records) -> None:
    """A logarithmic axis needs positive numbers over at least two decades."""
    for values in ([1, 2, 99], [0, 1, 1000], [-1, 10, 1000]):
        records = make_records({"lr": values}, results=accuracy, repetitions=2)
        (axes,) = make_figure(GraphSpec(y="accuracy", x="lr"), records).axes
        assert axes.get_xscale() == "linear"


def test_lines_over_categories_have_whiskers(make_records) -> None:
    """Against text, points stand at categories with whiskers, lines a little beside each other."""
    records = make_records({"opt": ["sgd", "adam"], "k": [1, 22]}, results=accuracy, repetitions=9)
    (axes,) = make_figure(GraphSpec(kind="line", y="accuracy", x="opt", hue="k"), records).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["sgd", "adam"]
    means = [line for line in axes.lines if line.get_label() in {"1", "22"}]
    np.testing.assert_allclose([line.get_xdata() for line in means], [[-0.1, 0.9], [0.1, 1.1]])
    whiskers = [artist for artist in axes.collections if isinstance(artist, LineCollection)]
    assert len(whiskers) == 2


def test_bars_are_means_with_whiskers(make_records) -> None:
    """A bar is as high as the mean, its whiskers are the interval; hues stand beside each other."""
    records = make_records({"opt": ["sgd", "adamw"], "k": [1, 22]}, results=accuracy, repetitions=15)
    (axes,) = make_figure(GraphSpec(kind="bar", y="accuracy", x="opt", hue="k"), records).axes
    bars = [container for container in axes.containers if isinstance(container, BarContainer)]
    whiskers = [container for container in axes.containers if isinstance(container, ErrorbarContainer)]
    for place, (container, errors, k) in enumerate(zip(bars, whiskers, (1, 22), strict=True)):
        readings = np.array(
            [
                [noise({"opt": name, "k": k}, repetition) for name in ("sgd", "adamw")]
                for repetition in range(15)
            ]
        )
        np.testing.assert_allclose([bar.get_height() for bar in container], readings.mean(axis=0))
        middles = [bar.get_x() + bar.get_width() / 2 for bar in container]
        np.testing.assert_allclose(middles, [0.4 * place - 0.2, 0.4 * place + 0.8])
        segments = np.array(errors.lines[2][0].get_segments())
        np.testing.assert_allclose(segments[:, 0, 0], middles)
        assert_intervals((segments[:, 0, 1], segments[:, 1, 1]), readings)


def test_boxes_are_quartiles(make_records) -> None:
    """The box reaches from the first to the third quartile, with the median in it."""
    records = make_records({"opt": ["sgd", "adamw"]}, results=accuracy, repetitions=11)
    (axes,) = make_figure(GraphSpec(kind="box", y="accuracy", x="opt"), records).axes
    for box, name in zip(axes.patches, ("sgd", "adamw"), strict=True):
        readings = [noise({"opt": name}, repetition) for repetition in range(11)]
        heights = box.get_path().vertices[:, 1]
        np.testing.assert_allclose([heights.min(), heights.max()], np.quantile(readings, [0.25, 0.75]))
        medians = [line for line in axes.lines if np.allclose(line.get_ydata(), np.median(readings))]
        assert len(medians) == 1


def test_boxes_without_height_show_their_colour(make_records) -> None:
    """The median of constant readings is drawn in the colour of the hue, that of others in black."""
    records = make_records(
        {"opt": ["sgd", "adam"]},
        results=lambda p, r: {"accuracy": 0.1 + 0.2 if p["opt"] == "sgd" else float(r)},
        repetitions=6,
    )
    (axes,) = make_figure(GraphSpec(kind="box", y="accuracy", x="opt"), records).axes
    flat = [line for line in axes.lines if set(line.get_ydata()) == {0.1 + 0.2}]
    assert "black" not in {line.get_color() for line in flat}
    assert [line.get_color() for line in axes.lines if set(line.get_ydata()) == {2.5}] == ["black"]


@pytest.mark.parametrize(("points", "marker"), [(14, "o"), (15, "None")])
def test_the_legend_of_curves_has_their_markers(make_records, points: int, marker: str) -> None:
    """Curves of few points have markers, on the panel and in the legend."""
    records = make_records(
        {"opt": ["sgd", "adam"]}, curves=lambda _p, _r: {"loss": Curve(np.arange(points), np.ones(points))}
    )
    figure = make_figure(GraphSpec(y="loss", x="step", hue="opt"), records)
    assert figure.axes[0].lines[0].get_marker() == marker
    assert figure.legends[0].legend_handles[0].get_marker() == marker


@pytest.mark.parametrize(
    ("asked", "mark"),
    [
        ({"y": "loss", "x": "step"}, "(band)"),
        ({"y": "once", "x": "step"}, "(whiskers)"),
        ({"y": "mixed", "x": "step"}, "(band, or whiskers at single points)"),
        ({"y": "accuracy", "x": "lr"}, "(band)"),
        ({"y": "accuracy", "x": "one", "kind": "line"}, "(whiskers)"),
        ({"y": "accuracy", "x": "lr", "kind": "bar"}, "(whiskers)"),
    ],
)
def test_the_note_names_what_intervals_are_drawn_as(make_records, asked: dict[str, str], mark: str) -> None:
    """A point that stands alone has whiskers, and the note does not call them a band."""

    def curves(parameters: dict[str, Any], repetition: int) -> dict[str, Curve]:
        many, one = loss(parameters, repetition)["loss"], Curve(STEPS[:1], noise(parameters, repetition, 1))
        return {"loss": many, "once": one, "mixed": one if parameters["lr"] == 1 else many}

    records = make_records({"lr": [1, 2, 3], "one": [5]}, results=accuracy, curves=curves)
    figure = make_figure(GraphSpec(**asked), records)
    assert mark in figure.texts[-1].get_text().replace("\n", " ")


def test_few_readings_are_shown_instead_of_a_box(make_records) -> None:
    """Fewer than five repetitions are points: quartiles would say less than the readings."""
    records = make_records({"opt": ["sgd", "adamw"]}, results=accuracy, repetitions=4)
    (axes,) = make_figure(GraphSpec(kind="box", y="accuracy", x="opt"), records).axes
    assert not axes.patches
    for line, name in zip(axes.lines, ("sgd", "adamw"), strict=True):
        expected = sorted(noise({"opt": name}, repetition) for repetition in range(4))
        np.testing.assert_allclose(sorted(line.get_ydata()), expected)


def test_a_single_repetition_has_neither_band_nor_whiskers(make_records) -> None:
    """With n = 1 only the reading is drawn, and the note says why."""
    records = make_records({"opt": ["sgd", "adam"]}, results=accuracy, curves=loss, repetitions=1)
    (axes,) = make_figure(GraphSpec(y="loss", x="step", hue="opt"), records).axes
    assert all(
        np.isnan(path.vertices).all() or not len(path.vertices) for path in axes.collections[0].get_paths()
    )
    figure = make_figure(GraphSpec(y="accuracy", x="opt"), records)
    (axes,) = figure.axes
    (errors,) = (found for found in axes.containers if isinstance(found, ErrorbarContainer))
    assert not errors.lines[2][0].get_segments()
    assert "mean over n = 1 repetition; too few for an interval." in figure.texts[0].get_text().replace(
        "\n", " "
    )


def test_facets_share_axes_colours_and_one_legend(make_records) -> None:
    """A line has the same colour on every panel, also where it is missing from the first."""
    records = make_records({"data": ["x", "y", "z"], "opt": ["sgd", "adamw"]}, curves=loss)
    del records.curves["loss"][records.configurations[0].completed[0].id]
    for experiment in records.configurations[0].completed[1:]:
        del records.curves["loss"][experiment.id]
    figure = make_figure(GraphSpec(y="loss", x="step", hue="opt", facet="data"), records)
    first, second, third = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["data = x", "data = y", "data = z"]
    assert [line.get_label() for line in first.lines] == ["adamw"]
    assert first.lines[0].get_color() == second.lines[1].get_color() == third.lines[1].get_color()
    assert first.get_ylim() == second.get_ylim() == third.get_ylim()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["sgd", "adamw"]


def test_labels_and_units_are_those_of_the_file(make_records) -> None:
    """The y axis has label and unit, the legend is headed by its parameter."""
    records = make_records(
        {"lr": [1, 2, 3], "opt": ["sgd", "adam"]},
        results=accuracy,
        labels={"accuracy": MetricSection(goal="max", label="Test accuracy", unit="%")},
    )
    figure = make_figure(GraphSpec(y="accuracy", x="lr", hue="opt", title="On $digits$"), records)
    assert figure.axes[0].get_ylabel() == "Test accuracy (%)"
    assert figure.axes[0].get_xlabel() == "lr"
    assert figure.legends[0].get_title().get_text() == "opt"
    assert figure.get_suptitle() == "On $digits$"
    assert not figure.axes[0].yaxis.label.get_parse_math()


def files(spec: GraphSpec, records: SeriesRecords) -> dict[str, bytes]:
    return draw(make_task(spec, records)).files


def test_the_same_records_make_the_same_files(make_records) -> None:
    """Nothing of a graph depends on time or chance; PNG files are of print resolution."""
    records = make_records({"opt": ["sgd", "adam"]}, curves=loss)
    spec = GraphSpec(y="loss", x="step", hue="opt")
    first = files(spec, records)
    assert files(spec, records) == first
    assert sorted(first) == ["png", "svg"]
    assert imread(io.BytesIO(first["png"])).shape[1] == pytest.approx(3.5 * 200, abs=1)


def test_letters_no_font_has_do_not_prevent_the_graph(make_records) -> None:
    """Names in any script are drawn, if need be with boxes for letters, which are told."""
    records = make_records({"数据": ["手写数字", "\U0001f600", "עברית"]}, results=accuracy)
    spec = GraphSpec(kind="bar", y="accuracy", x="数据")
    assert len(files(spec, records)) == 2
    title = GraphSpec(kind="bar", y="accuracy", x="数据", title="A \U00013000 B \U00013000")
    drawn = draw(make_task(title, records))
    assert drawn.missing_glyphs.count("\U00013000") == 1
    assert not set("A B0.5") & set(drawn.missing_glyphs)
