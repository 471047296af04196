"""Densities and bins are those of the scale that is drawn, not of the numbers before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.patches import StepPatch
from scipy.stats import gaussian_kde

from experiments.series_file.sections.graphs import GraphSpec
from tests.figures import make_figure


def reading(_parameters: dict[str, Any], repetition: int) -> dict[str, float]:
    spread = float(np.random.default_rng(repetition).normal(0, 1.5))
    return {"wide": 10.0**spread, "signed": np.sinh(3 * spread), "share": 1 / (1 + np.exp(-spread))}


READINGS = {
    name: np.array([reading({}, repetition)[name] for repetition in range(60)])
    for name in ("wide", "signed", "share")
}


def drawn(axes: Any, values: np.ndarray) -> np.ndarray:
    """Return the places of y values on the axis that is drawn, in dots."""
    return np.asarray(axes.transData.transform(np.column_stack([np.zeros(len(values)), values]))[:, 1])


@pytest.mark.parametrize(("scale", "y"), [("log", "wide"), ("symlog", "signed"), ("logit", "share")])
def test_a_violin_is_widest_where_readings_are_densest_on_the_page(make_records, scale: str, y: str) -> None:
    """Its outline is the kernel density of where the readings stand; the quartiles are the readings' own."""
    records = make_records({"k": ["a"]}, results=reading, repetitions=60)
    figure = make_figure(
        GraphSpec.model_validate({"kind": "violin", "y": y, "x": "k", "scale": scale}), records
    )
    (axes,) = figure.axes
    (shape,) = (found for found in axes.collections if isinstance(found, PolyCollection))
    right = np.array([point for point in shape.get_paths()[0].vertices if point[0] > 1e-9])
    found = READINGS[y]
    expected = gaussian_kde(drawn(axes, found))(drawn(axes, right[:, 1]))
    np.testing.assert_allclose(right[:, 0] / right[:, 0].max(), expected / expected.max(), rtol=0.01)
    np.testing.assert_allclose([right[:, 1].min(), right[:, 1].max()], [found.min(), found.max()])
    (dot,) = axes.lines
    assert dot.get_ydata()[0] == pytest.approx(np.median(found))
    note = figure.texts[-1].get_text().replace("\n", " ")
    assert f"(Scott's bandwidth, on the {scale} scale)" in note


def test_readings_without_a_place_make_no_violin(make_records) -> None:
    """Nine of twelve readings have no logarithm: three are dots, and the others are counted."""
    records = make_records({"k": ["a"]}, results=lambda _p, r: {"y": r - 8.0}, repetitions=12)
    figure = make_figure(
        GraphSpec.model_validate({"kind": "violin", "y": "y", "x": "k", "scale": "log"}), records
    )
    assert not [found for found in figure.axes[0].collections if isinstance(found, PolyCollection)]
    assert "9 values of 0 or less have no place on a logarithmic axis." in figure.texts[
        -1
    ].get_text().replace("\n", " ")


@pytest.mark.parametrize(
    ("scale", "y"), [("log", "wide"), ("symlog", "signed"), ("logit", "share"), ("linear", "signed")]
)
@pytest.mark.parametrize("bins", [None, 9])
def test_bins_are_equally_wide_on_the_page(make_records, scale: str, y: str, bins: int | None) -> None:
    """Whatever the scale; every reading is in one of them, the extremes included."""
    records = make_records({"k": ["a"]}, results=reading, repetitions=60)
    spec = GraphSpec.model_validate({"kind": "histogram", "y": y, "scale": {"x": scale}, "bins": bins})
    (axes,) = make_figure(spec, records).axes
    outline = next(patch.get_data() for patch in axes.patches if isinstance(patch, StepPatch))
    edges = axes.transData.transform(np.column_stack([outline.edges, np.zeros(len(outline.edges))]))[:, 0]
    np.testing.assert_allclose(np.diff(edges), np.diff(edges)[0], rtol=1e-6)
    assert outline.values.sum() == 60
    assert bins is None or len(outline.values) == bins


@pytest.mark.parametrize("kind", ["violin", "box", "bar"])
@pytest.mark.parametrize("points", [True, False])
def test_small_marks_are_explained(make_records, kind: str, points: bool) -> None:
    """A mark that the note does not explain may be taken for an outlier."""
    records = make_records({"k": ["a", "b"]}, results=reading, repetitions=12)
    figure = make_figure(GraphSpec(kind=kind, y="wide", x="k", points=points), records)
    said = "mall marks: each reading." in figure.texts[-1].get_text().replace("\n", " ")
    assert said == points
