"""Readings and values near the end of 64-bit floats: drawn rightly, or refused with a reason."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from meta.records.errors import GraphError
from meta.statistics.estimators.curves import Curve
from tests.figures import make_figure

KINDS: list[dict[str, Any]] = [
    *({"kind": kind, "x": "x"} for kind in ("line", "bar", "point", "box", "violin", "strip")),
    *({"kind": "line", "x": "x", "interval": interval} for interval in ("bca", "sd", "none")),
    {"kind": "line", "x": "c", "over": "x", "interval": "bca"},
    {"kind": "bar", "x": "x", "scale": "log"},
    {"kind": "ecdf"},
    {"kind": "histogram", "hue": "x"},
    {"kind": "heatmap", "x": "c", "rows": "x"},
    {"kind": "scatter", "x": "z"},
    {"kind": "profile", "hue": "c", "over": "x"},
    {"kind": "curve", "x": "step", "y": "loss", "hue": "x"},
    {"kind": "curve", "x": "step", "y": "loss", "over": "x", "smoothing": 3},
]


def series(make_records, largest: float) -> Any:
    """Return readings from the largest down to three quarters of it, 12 for each configuration."""

    def reading(parameters, repetition: int) -> float:
        return largest * (1 - 0.02 * repetition) * (1 - 0.01 * parameters["x"])

    return make_records(
        {"x": [0, 1, 2], "c": [0]},
        results=lambda p, r: {"y": reading(p, r), "z": -reading(p, r)},
        curves=lambda p, r: {"loss": Curve(np.arange(9), reading(p, r) * np.linspace(1, -1, 9))},
        repetitions=12,
        labels={"y": MetricSection(goal="min")},
    )


def draw(records, **asked: Any) -> None:
    make_figure(GraphSpec.model_validate({"y": "y", **asked}), records).savefig(io.BytesIO(), format="png")


@pytest.mark.parametrize("asked", KINDS, ids=str)
def test_huge_readings_are_drawn_or_refused(make_records, asked: dict[str, Any]) -> None:
    """Up to 1e200 every kind draws without a warning; beyond, the result and its size are told."""
    draw(series(make_records, 1e200), **asked)
    name = "'loss'" if asked["kind"] == "curve" else "'y'|'z'"
    with pytest.raises(
        GraphError, match=rf"({name}) has readings as large as -?1.7e\+308, and beyond 1e\+200"
    ):
        draw(series(make_records, 1.7e308), **asked)


@pytest.mark.parametrize("values", [[1.0, 2.0, 1.7e308], [-1.7e308, 0.0, 1.7e308], [1e-300, 1.0, 2.0]])
def test_huge_parameters_stand_side_by_side(make_records, values: list[float]) -> None:
    """No axis reaches around them: they are categories, each with its label."""
    records = make_records({"x": values}, results=lambda _p, r: {"y": r})
    figure = make_figure(GraphSpec(kind="line", y="y", x="x"), records)
    figure.savefig(io.BytesIO(), format="png")
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == [f"{one:g}" for one in values]


def test_limits_beyond_are_refused() -> None:
    """Limits of axes lie where something can be drawn."""
    assert GraphSpec.model_validate({"y": "y", "limits": {"y": [None, 1e200]}}).limits.y == (None, 1e200)
    with pytest.raises(ValueError, match=r"must not exceed 1e\+200"):
        GraphSpec.model_validate({"y": "y", "limits": {"y": [0, 1e201]}})
