"""Nothing on a page lies over anything else, or outside."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from experiments.series_file.sections.graphs import GraphSpec
from meta.statistics.estimators.curves import Curve
from tests.figures import assert_on_page, make_figure

LONG = [f"a name of an optimiser that is far too long, number {number}" for number in range(6)]


def extents(figure: Figure) -> dict[str, Bbox]:
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    boxes = {f"panel {number}": axes.get_tightbbox(renderer) for number, axes in enumerate(figure.axes)}
    boxes |= {"note": figure.texts[-1].get_window_extent(renderer)}
    if figure.get_suptitle():
        boxes["title"] = figure._suptitle.get_window_extent(renderer)
    if figure.legends:
        boxes["legend"] = figure.legends[0].get_window_extent(renderer)
    return boxes


@pytest.mark.parametrize(
    ("kind", "panels"), [*(("curve", number) for number in range(1, 10)), ("box", 1), ("box", 4), ("box", 9)]
)
def test_panels_legend_title_and_note_keep_apart(make_records, kind: str, panels: int) -> None:
    """Each has its own place on the page, for any number of panels."""
    records = make_records(
        {"data": list(range(panels)), "opt": LONG[:3]},
        results=lambda _p, repetition: {"y": float(repetition)},
        curves=lambda _p, repetition: {"y": Curve(np.arange(5), np.full(5, 1.0 * repetition))},
    )
    figure = make_figure(
        GraphSpec(
            kind=kind,
            y="y",
            x="step" if kind == "curve" else "opt",
            hue="opt" if kind == "curve" else None,
            facet="data" if panels > 1 else None,
            title="A title " * 12,
        ),
        records,
    )
    assert len(figure.axes) == panels
    boxes = extents(figure)
    heights = [axes.get_window_extent().height / figure.dpi for axes in figure.axes]
    assert min(heights) >= 1.2, "legend, note and labels take no room from the panels"
    assert_on_page(figure, boxes)


@pytest.mark.parametrize("kind", ["bar", "box", "line"])
@pytest.mark.parametrize(
    "values", [LONG, list(range(70)), ["a", "b"], [True, False], [10.0**k for k in range(-6, 7)]]
)
def test_tick_labels_do_not_overlap(make_records, kind: str, values: list[object]) -> None:
    """Labels are turned, and left out, until neighbours are clear of each other."""
    records = make_records({"x": values}, results=lambda _p, repetition: {"y": float(repetition)})
    figure = make_figure(GraphSpec(kind=kind, y="y", x="x"), records)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    (axes,) = figure.axes
    left, right = sorted(axes.get_xlim())
    labels = [
        label
        for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
        if label.get_text() and left <= place <= right
    ]
    assert labels
    # Labels at 45 degrees are parallel: their boxes may overlap while their lines of text do not.
    if labels[0].get_rotation() == 45:
        line = 7 * 1.2 / 72 * figure.dpi
        places = axes.transData.transform([(place, 0) for place in axes.get_xticks()])[:, 0]
        assert min(after - before for before, after in pairwise(places)) * np.sin(np.pi / 4) >= line
        return
    for label, following in pairwise(labels):
        assert label.get_window_extent(renderer).x1 <= following.get_window_extent(renderer).x0


def test_a_page_fits_a_column_or_two(make_records) -> None:
    """Letters are legible in print because pages are as wide as columns, whatever they show."""
    for grid, spec, width in (
        ({"x": [1, 2]}, GraphSpec(y="y", x="x"), 3.5),
        ({"x": [1, 2], "f": [1, 2, 3]}, GraphSpec(y="y", x="x", facet="f"), 7.0),
        ({"x": list(range(40))}, GraphSpec(kind="bar", y="y", x="x"), 5.0),
        ({"x": list(range(200))}, GraphSpec(kind="bar", y="y", x="x"), 7.0),
    ):
        records = make_records(grid, results=lambda _p, repetition: {"y": float(repetition)})
        assert make_figure(spec, records).get_size_inches()[0] == pytest.approx(width)


@pytest.mark.parametrize("size", ["column", (2.0, 6.0), "page"])
@pytest.mark.parametrize("separator", [" ", "_"])
def test_a_legend_is_as_wide_as_the_page_at_most(make_records, size: object, separator: str) -> None:
    """Labels that are wider are in lines, as is its title, also where a label is one long word."""
    values = [separator.join([letter] * 40) for letter in "mw"]
    records = make_records(
        {"a": [1, 2, 3], "b": values, "c": values}, results=lambda _p, repetition: {"y": float(repetition)}
    )
    spec = GraphSpec.model_validate(
        {"y": "y", "x": "a", "hue": "b", "style": "c", "size": size, "labels": {"legend": "W" * 90}}
    )
    figure = make_figure(spec, records)
    boxes = extents(figure)
    page = figure.get_size_inches()[0] * figure.dpi
    assert 0 <= boxes["legend"].x0 < boxes["legend"].x1 <= page
    assert not boxes["legend"].overlaps(boxes["note"])
    assert not boxes["legend"].overlaps(boxes["panel 0"].padded(-1))
    for text in figure.legends[0].texts:
        box = text.get_window_extent(figure.canvas.get_renderer())
        assert 0 <= box.x0 < box.x1 <= page
