"""Nothing lies over anything else on a figure of any kind, in the usual case and in hard ones."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from database.models import Outcome
from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from meta.records.attempts import AttemptRecord
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.curves import Curve
from tests.figures import assert_on_page, make_figure

LONG = [f"a name of an optimiser that is far too long, number {number}" for number in range(9)]
#: The usual case is that of failures, with less to say.
CASES = ("many long names", "one experiment", "failures", "zeros and no numbers")

ASKED: dict[str, dict[str, Any]] = {
    "curve": {"y": "m", "hue": "opt", "facet": "data", "points": True},
    "line": {"y": "y", "x": "opt", "hue": "data", "points": True},
    "bar": {"y": "y", "x": "opt", "hue": "data", "points": True},
    "point": {"y": "y", "x": "opt", "hue": "data", "style": "data2", "points": True},
    "box": {"y": "y", "x": "opt", "facet": {"row": "data"}, "points": True},
    "violin": {"y": "y", "x": "opt", "facet": {"row": "data"}},
    "strip": {"y": "y", "x": "opt", "hue": "data"},
    "ecdf": {"y": "y", "hue": "opt", "over": "data"},
    "histogram": {"y": "y", "hue": "opt", "facet": "data"},
    "heatmap": {"y": "y", "x": "data", "rows": "opt"},
    "scatter": {"y": "y", "x": "cost", "hue": "opt", "points": True},
    "profile": {"y": "cost", "hue": "opt", "over": "data"},
    "ranking": {"y": "cost", "x": "opt", "over": "data"},
    "timeline": {},
}


def series(make_records: Any, case: str) -> SeriesRecords:
    """Return the records of a case."""
    opts = LONG if case == "many long names" else ["sgd", "adam", "rms"]
    data = list(range(4)) if case == "many long names" else ["digits", "wine", "iris"]

    def results(parameters: dict[str, Any], repetition: int) -> dict[str, Any] | None:
        if case == "failures" and parameters["opt"] == "sgd" and parameters["data"] == data[0]:
            return None
        seed = [opts.index(parameters["opt"]), data.index(parameters["data"]), repetition]
        found = float(np.random.default_rng(seed).gamma(2.0))
        if case == "zeros and no numbers":
            found = [0.0, np.nan, np.inf, 1e-6, found, 1e6][repetition % 6]
        return {"y": found, "cost": 1 + abs(found)}

    def curves(parameters: dict[str, Any], repetition: int) -> dict[str, Curve]:
        found = results(parameters, repetition)
        assert found is not None
        return {"m": Curve(np.arange(5) * 100_000, np.full(5, found["y"]))}

    records: SeriesRecords = make_records(
        {"opt": opts, "data": data},
        results=results,
        curves=curves,
        repetitions=1 if case == "one experiment" else 12,
        missing=lambda p: {"error": 12} if case == "failures" and p["opt"] == "sgd" else {},
        labels={"cost": MetricSection(goal="min", unit="s"), "y": MetricSection(goal="max", unit="%")},
    )
    records = dataclasses.replace(
        records,
        configurations=[
            dataclasses.replace(found, parameters={**found.parameters, "data2": found.parameters["data"]})
            for found in records.configurations
        ],
    )
    return dataclasses.replace(records, attempts=attempts(60 if case == "many long names" else 3))


def attempts(workers: int) -> list[AttemptRecord]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        AttemptRecord(
            1,
            1,
            f"node-with-a-very-long-name-{worker % 2}.example.org",
            f"w{worker}",
            list(Outcome)[number],
            start + timedelta(minutes=7 * number),
            start + timedelta(minutes=7 * number + 6),
        )
        for number in range(10)
        for worker in range(workers)
    ]


def spec_of(kind: str, case: str) -> GraphSpec:
    asked = ASKED[kind] | {"kind": kind, "title": "A title " * 9}
    if case == "zeros and no numbers" and kind not in ("ranking", "timeline"):
        asked = {**asked, "scale": "log" if kind in ("bar", "histogram", "heatmap") else "symlog"}
    if kind == "profile":
        asked.pop("scale", None)
    return GraphSpec.model_validate(asked)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ASKED)
def test_nothing_lies_over_anything(make_records, kind: str, case: str) -> None:
    """Panels with their labels, title, legend and note each have their own place on the page."""
    figure = make_figure(spec_of(kind, case), series(make_records, case))
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    boxes = {f"axes {number}": axes.get_tightbbox(renderer) for number, axes in enumerate(figure.axes)}
    boxes |= {"note": figure.texts[-1].get_window_extent(renderer)}
    boxes |= {"title": figure._suptitle.get_window_extent(renderer)}
    if figure.legends:
        boxes["legend"] = figure.legends[0].get_window_extent(renderer)
    assert_on_page(figure, boxes)
    for axes in figure.axes:
        for labels in (axes.get_yticklabels(), axes.get_xticklabels()):
            assert_apart(axes, labels, renderer)
        assert_apart(axes, axes.texts, renderer)


def assert_apart(axes: Axes, labels: Any, renderer: Any) -> None:
    """Labels that are shown do not overlap; slanted ones are parallel, so that their boxes may."""
    shown = [
        label.get_window_extent(renderer)
        for label in labels
        if label.get_visible() and label.get_text() and label.get_rotation() != 45
    ]
    inside = axes.get_window_extent().padded(2)
    shown = [box for box in shown if box.y1 >= inside.y0 and box.y0 <= inside.y1] if len(shown) > 1 else shown
    for box, other in combinations(shown, 2):
        assert not box.padded(-0.5).overlaps(other.padded(-0.5))
