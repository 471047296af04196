"""Readings that there cannot be stop a graph, a table and a comparison, and name the experiment."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from experiments.series_file.sections.tables import TableSpec
from meta.graphs.data import plan as graph_plan
from meta.records.errors import GraphError
from meta.records.possible import refuse_impossible
from meta.statistics.estimators.curves import Curve
from meta.tables.data import plan as table_plan
from tests.made_up_records import MakeRecords


@pytest.mark.parametrize(
    ("reading", "label", "message"),
    [
        (1.5, {"bounds": [0, 1]}, r"'y' of experiment 2 is 1\.5, but metrics says bounds: \[0, 1\]; correct"),
        (-1e-9, {"bounds": [0, None]}, r"is -1e-09, but metrics says bounds: \[0, null\]"),
        (3, {"bounds": [None, 2.5]}, r"is 3, but metrics says bounds: \[null, 2\.5\]"),
        (0.5, {"kind": "rate"}, r"'y' of experiment 2 is 0\.5, but metrics says kind: rate"),
        (2, {"kind": "rate"}, r"'y' of experiment 2 is 2, but metrics says kind: rate"),
    ],
)
def test_the_first_such_experiment_is_named(
    make_records: MakeRecords, reading: float, label: dict[str, Any], message: str
) -> None:
    """It is the same of a result and of a curve."""
    section = MetricSection.model_validate(label)
    steps = np.arange(3)

    def results(_: object, repetition: int) -> dict[str, object]:
        return {"y": reading if repetition else 1.0}

    def curves(_: object, repetition: int) -> dict[str, Curve]:
        return {"y": Curve(steps, np.array([1.0, reading if repetition else 0.0, 1.0]))}

    records = make_records({}, results=results, curves=curves, repetitions=3, labels={"y": section})
    with pytest.raises(GraphError, match=message):
        refuse_impossible(records, "y")
    with pytest.raises(GraphError, match=message):
        refuse_impossible(records, "y", of_curves=True)


def test_what_is_possible_passes(make_records: MakeRecords) -> None:
    """Both ends are possible; what is not finite, no number or missing is no reading."""
    values = [0, 1, True, math.nan, math.inf, None, "text"]
    curve = Curve(np.arange(4), np.array([0, 1, np.nan, -np.inf]))
    for label in (MetricSection(bounds=(0, 1)), MetricSection(kind="rate"), MetricSection()):
        records = make_records(
            {},
            results=lambda _, n: {"y": values[n]} if n < len(values) else {},
            curves=lambda *_: {"y": curve},
            repetitions=8,
            labels={"y": label},
        )
        refuse_impossible(records, "y")
        refuse_impossible(records, "y", of_curves=True)


def test_graphs_and_tables_refuse_them(make_records: MakeRecords) -> None:
    """Of the value of a metric as of the metric's curves, whatever else the graph shows."""
    records = make_records(
        {"k": [1, 2]},
        results=lambda parameters, _: {"metrics.loss.last": -float(parameters["k"])},
        curves=lambda *_: {"loss": Curve(np.arange(2), np.array([1.0, -1.0]))},
        labels={"loss": MetricSection(bounds=(0, None))},
    )
    for spec in (GraphSpec(y="loss", x="k"), GraphSpec(kind="curve", y="loss")):
        with pytest.raises(GraphError, match="but metrics says bounds"):
            graph_plan.make_plan(spec, records)
    with pytest.raises(GraphError, match=r"'metrics\.loss\.last' of experiment 1 is -1"):
        table_plan.make_plan(TableSpec(y="loss", rows=("k",)), records)
