"""The names of requested graphs."""

from __future__ import annotations

from typing import Any

import pytest

from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.generation.requests import figure_requests
from meta.records.errors import GraphError
from meta.records.selection.subsets import GraphRecords


def names(records: Any, *specs: GraphSpec) -> list[str]:
    return list(figure_requests(GraphRecords(records, [(spec, records) for spec in specs])).tasks)


@pytest.mark.parametrize(
    ("choices", "kind"), [([0.1, 0.2, 0.3], "line"), ([0.1, 0.2], "bar"), (["a", "b", "c"], "bar")]
)
def test_a_graph_is_named_after_the_kind_that_is_drawn(make_records, choices: list[Any], kind: str) -> None:
    """Which follows from x where the file names none, also of default graphs and of what cannot be drawn."""
    records = make_records({"lr": choices}, results=lambda _parameters, repetition: {"y": float(repetition)})
    assert names(records, GraphSpec(y="y", x="lr")) == [f"{kind}-y-over-lr"]
    assert names(records, GraphSpec(y="z", x="lr"), GraphSpec(kind="box", y="y", x="lr")) == [
        f"{kind}-z-over-lr",
        "box-y-over-lr",
    ]
    assert names(records) == [f"{kind}-y-over-lr"]
    spec = GraphSpec(y="y", x="lr", where="y > 1")
    [failed] = figure_requests(GraphRecords(records, [(spec, GraphError("none"))])).tasks
    assert failed == f"{kind}-y-over-lr"
