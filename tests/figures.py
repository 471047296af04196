"""Graphs that are computed and drawn, for tests that look at what is on them, and tasks to draw some."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.data.graph_data import GraphData
from meta.graphs.data.plan import Plan
from meta.graphs.figure.registry import KINDS
from meta.graphs.figure.render import DrawnGraph, draw_graph
from meta.graphs.figure.task import Task
from meta.graphs.generation.requests import plan_graph
from meta.graphs.provenance.fingerprint import Fingerprints
from meta.graphs.provenance.origin import Origin
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.curves import Curve
from tests.made_up_records import MakeRecords

#: Graphs of `lines_and_curves`.
CURVE = GraphSpec(kind="curve", y="loss", x="step", hue="lr")
LINE = GraphSpec(kind="line", y="y", x="lr")


def lines_and_curves(make_records: MakeRecords) -> SeriesRecords:
    """Return a series of three configurations, each with a result and a curve of 40 steps."""
    steps = np.arange(40)
    return make_records(
        {"lr": [1, 2, 3]},
        results=lambda parameters, repetition: {"y": parameters["lr"] + repetition},
        curves=lambda parameters, repetition: {
            "loss": Curve(steps, np.random.default_rng([parameters["lr"], repetition]).normal(size=40))
        },
    )


def make_drawn(spec: GraphSpec, records: SeriesRecords) -> DrawnGraph:
    return draw_graph(*plan_graph(spec, records))


def make_figure(spec: GraphSpec, records: SeriesRecords) -> Figure:
    return make_drawn(spec, records).figure


def whole_note(spec: GraphSpec, records: SeriesRecords) -> str:
    """Return all that is said about a graph, below it and beside it."""
    return " ".join(make_drawn(spec, records).note.sentences)


def compute(plan: Plan, records: SeriesRecords) -> GraphData:
    return KINDS[plan.rules.name].compute(plan, records)


def make_task(spec: GraphSpec, records: SeriesRecords, name: str = "name") -> Task:
    """Return a task as a generation makes it."""
    plan, part = plan_graph(spec, records)
    return Task(name, plan, part, Origin.of(name, spec, part, Fingerprints()))


def assert_on_page(figure: Figure, boxes: Mapping[str, Bbox]) -> None:
    """Check that what lies in these boxes, in pixels, lies on the page and not over each other."""
    page = Bbox.from_bounds(0, 0, *figure.get_size_inches() * figure.dpi)
    for (name, box), (other, second) in combinations(boxes.items(), 2):
        assert not box.padded(-1).overlaps(second.padded(-1)), (name, other)
    for name, box in boxes.items():
        assert page.padded(2).contains(*box.min), name
        assert page.padded(2).contains(*box.max), name
