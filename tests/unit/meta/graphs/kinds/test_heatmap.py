"""Colours, numbers and label of heatmaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.kinds.heatmap import numerals
from tests.figures import make_figure


def figure_of(records: Any, **spec: Any) -> Any:
    asked = {"kind": "heatmap", "y": "y", "x": "x", "rows": "k"} | spec
    return make_figure(GraphSpec.model_validate(asked), records)


def note_of(figure: Any) -> str:
    return str(figure.texts[-1].get_text()).replace("\n", " ")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2.1, 2, 6, 2.17], ["2.10", "2.00", "6.00", "2.17"]),
        ([0.75, 0.672, 0.8171], ["0.750", "0.672", "0.817"]),
        ([3, 12, 512], ["3", "12", "512"]),
        ([12.5, 512.25], ["12", "512"]),
        ([0.9712, 0.9714, 0.9719], ["0.97120", "0.97140", "0.97190"]),
        ([-0.0001, 0.5], ["0.000", "0.500"]),
        ([0.0, 0.0], ["0", "0"]),
        ([0.1, 0.1], ["0.100", "0.100"]),
        ([0.3, 0.1 + 0.2], ["0.300", "0.300"]),
        ([1e-9, 2.5e-9], ["1.00e-09", "2.50e-09"]),
        ([1.5e9, 2e9], ["1.50e+09", "2.00e+09"]),
        ([1234567.0, 1234568.0], ["1234567", "1234568"]),
    ],
)
def test_cells_have_the_same_number_of_decimals(values: list[float], expected: list[str]) -> None:
    """As many as show three digits of the largest, and two of how much they differ, up to six digits."""
    assert numerals(np.array(values)) == expected


def test_ratios_have_the_same_number_of_digits() -> None:
    """On a logarithmic scale of colours a small number is not shown as 0."""
    assert numerals(np.array([0.00123, 0.5, 120.0, 45_678.0]), "log") == [
        "0.00123",
        "0.500",
        "120",
        "4.57e+04",
    ]


def test_cells_beyond_the_colours_are_counted(make_records) -> None:
    """They have the colour of the end: the note counts them, and the bar has an arrow there."""
    records = make_records({"x": [1, 2, 3], "k": [1, 2]}, results=lambda p, _r: {"y": p["x"] * p["k"]})
    for limits, count, extend in (
        ([2, 3], "3 cells outside of the colours.", "both"),
        ([2, None], "1 cell outside of the colours.", "min"),
        ([1, 4], "1 cell outside of the colours.", "max"),
        ([1, 6], "", "neither"),
    ):
        figure = figure_of(records, limits={"color": limits})
        assert count in note_of(figure)
        assert ("outside" in note_of(figure)) == bool(count)
        assert figure.axes[1]._colorbar.extend == extend


def test_cells_without_a_place_on_the_colours_are_counted_and_legible(make_records) -> None:
    """A negative number has no logarithm: its cell has no colour, and its number that of letters."""
    records = make_records({"x": [1, 2], "k": [1, 2]}, results=lambda p, _r: {"y": p["x"] * p["k"] - 1.0})
    figure = figure_of(records, scale={"color": "log"})
    assert "1 cell outside of the colours." in note_of(figure)
    texts = {text.get_text(): text.get_color() for text in figure.axes[0].texts}
    assert texts["0.00"] == "black"


def test_the_label_of_the_colours_stays_on_the_page(make_records) -> None:
    """It is as long as the unit and the label of the file make it, also in one word."""
    label = "Accuracy on the test split averaged over_all_of_the_folds_and_classes_of_the_data"
    records = make_records(
        {"x": [1, 2], "k": [1, 2]},
        results=lambda p, _r: {"y": p["x"]},
        labels={"y": MetricSection(label=label, unit="kg·m²/s³")},
    )
    figure = figure_of(records)
    figure.draw_without_rendering()
    found = figure.axes[1].yaxis.label
    box = found.get_window_extent(figure.canvas.get_renderer())
    assert found.get_text().replace("\n", "").replace(" ", "") == f"{label} (kg·m²/s³)".replace(" ", "")
    assert 0 <= box.y0 < box.y1 <= figure.bbox.height
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
