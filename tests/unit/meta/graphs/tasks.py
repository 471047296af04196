"""Tasks of made-up series, as a generation makes them."""

from __future__ import annotations

from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.figure.task import Task
from meta.graphs.generation.extract import plan_graph
from meta.graphs.provenance.fingerprint import Fingerprints
from meta.graphs.provenance.origin import Origin
from meta.records.series_records import SeriesRecords


def make_task(spec: GraphSpec, records: SeriesRecords, name: str = "name") -> Task:
    plan, part = plan_graph(spec, records)
    return Task(name, plan, part, Origin.of(name, spec, part, Fingerprints()))
