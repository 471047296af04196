"""The graphs of a series that asks for none."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.data.plan import make_plan
from meta.graphs.figure.default_graphs import MAX_GRAPHS, DefaultGraphs, default_graphs
from meta.statistics.estimators.curves import Curve
from tests.figures import compute, make_figure


def test_defaults_are_curves_and_numeric_results_over_the_largest_parameter(make_records) -> None:
    """A curve per metric; each numeric result over the parameter with most values."""
    records = make_records(
        {"opt": ["sgd", "adam"], "lr": [1, 2, 3], "epochs": [5]},
        results=lambda _p, _r: {"accuracy": 1.0, "note": "text", "metrics.loss.last": 1.0},
        curves=lambda _p, _r: {"loss": Curve(np.arange(3), np.ones(3))},
    )
    specs = default_graphs(records).specs
    assert specs == [
        GraphSpec(kind="curve", y="loss", x="step", hue="lr", facet="opt"),
        GraphSpec(y="accuracy", x="lr", hue="opt"),
    ]
    for spec in specs:
        assert make_figure(spec, records).axes


def test_defaults_without_parameters_are_curves_and_one_bar(make_records) -> None:
    """A single configuration without parameters has curves, and one bar per result: the series."""
    records = make_records(
        {}, results=lambda _p, r: {"y": r}, curves=lambda _p, _r: {"m": Curve(np.arange(3), np.ones(3))}
    )
    specs = default_graphs(records).specs
    assert specs == [GraphSpec(kind="curve", y="m", x="step"), GraphSpec(y="y", x="series")]
    assert make_figure(specs[0], records).axes
    (axes,) = make_figure(specs[1], records).axes
    assert [bar.get_height() for bar in axes.patches] == [2.0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["made-up"]


def test_defaults_of_one_configuration_use_its_parameter(make_records) -> None:
    """If nothing varies, the results stand over the first parameter."""
    records = make_records({"lr": [0.1], "k": [1]}, results=lambda _p, r: {"y": float(r)})
    assert default_graphs(records).specs == [GraphSpec(y="y", x="lr")]


def test_defaults_are_not_too_many(make_records) -> None:
    """Hundreds of results do not make hundreds of graphs."""
    records = make_records({"lr": [1, 2]}, results=lambda _p, _r: {f"r{number}": 1 for number in range(99)})
    assert len(default_graphs(records).specs) == MAX_GRAPHS


def test_nothing_numeric_has_no_defaults(make_records) -> None:
    """A series whose results are all text or never finite asks for nothing."""
    records = make_records({"lr": [1, 2]}, results=lambda _p, _r: {"note": "text", "nan": float("nan")})
    assert default_graphs(records) == DefaultGraphs([], [], [])


def measured(parameters: Mapping[str, Any], repetition: int) -> dict[str, float]:
    return {"accuracy": float(repetition), "metrics.loss.last": 1.0}


def logged(parameters: Mapping[str, Any], repetition: int) -> dict[str, Curve]:
    return {"loss": Curve(np.arange(3), np.ones(3))}


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([30], [("loss", "a", None, None), ("accuracy", "a", None, None)]),
        ([12, 12], [("loss", "step", "a", "b"), ("accuracy", "a", "b", None)]),
        ([5, 5, 5, 2], [("loss", "a", "b", "c"), ("accuracy", "a", "b", "c")]),
        ([30, 30], []),
    ],
)
def test_defaults_can_be_read(
    make_records, sizes: list[int], expected: list[tuple[str, str, str | None, str | None]]
) -> None:
    """Where curves would be too many, the last value is drawn; what fits nowhere is skipped."""
    grid = {name: list(range(size)) for name, size in zip("abcd", sizes, strict=False)}
    records = make_records(grid, results=measured, curves=logged, repetitions=1)
    found = default_graphs(records)
    facets = [spec.facet.column if spec.facet else None for spec in found.specs]
    roles = [(spec.y, spec.x, spec.hue) for spec in found.specs]
    assert [(*role, facet) for role, facet in zip(roles, facets, strict=True)] == expected
    assert found.skipped == ([] if expected else ["loss", "accuracy"])
    for spec in found.specs:
        assert compute(make_plan(spec, records), records).panels


def test_the_last_value_of_a_metric_is_told_from_a_result_of_its_name(make_records) -> None:
    """A result named like the metric does not stand for the metric's last value."""
    records = make_records(
        {"a": list(range(30))}, results=lambda _p, _r: {"loss": 3.0, "metrics.loss.last": 1.0}, curves=logged
    )
    assert [spec.y for spec in default_graphs(records).specs] == ["metrics.loss.last", "loss"]


def test_defaults_use_one_of_the_parameters_that_change_together(make_records) -> None:
    """Of equivalent parameters the one that every configuration has is the axis."""
    records = make_records({"a": [1, 2]}, results=measured)
    choices = [{"opt.momentum": 0.9, "opt.name": "sgd"}, {"opt.name": "adam", "opt.lr": 0.1}]
    together = dataclasses.replace(
        records,
        configurations=[
            dataclasses.replace(found, parameters=choice)
            for found, choice in zip(records.configurations, choices, strict=True)
        ],
    )
    assert default_graphs(together).specs == [GraphSpec(y="accuracy", x="opt.name")]
