"""Graphs that are computed and drawn, for tests that look at what is on them, and tasks to draw some."""

from __future__ import annotations

from matplotlib.figure import Figure

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


def make_drawn(spec: GraphSpec, records: SeriesRecords) -> DrawnGraph:
    return draw_graph(*plan_graph(spec, records))


def make_figure(spec: GraphSpec, records: SeriesRecords) -> Figure:
    return make_drawn(spec, records).figure


def compute(plan: Plan, records: SeriesRecords) -> GraphData:
    return KINDS[plan.rules.name].compute(plan, records)


def make_task(spec: GraphSpec, records: SeriesRecords, name: str = "name") -> Task:
    """Return a task as a generation makes it."""
    plan, part = plan_graph(spec, records)
    return Task(name, plan, part, Origin.of(name, spec, part, Fingerprints()))
