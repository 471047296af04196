"""Tasks of made-up series, as a generation makes them."""

from __future__ import annotations

from experiments.series_file.graphs import GraphSpec
from meta.graphs.extract import extract
from meta.graphs.fingerprint import Fingerprints
from meta.graphs.origin import Origin
from meta.graphs.records import SeriesRecords
from meta.graphs.tasks import Task


def make_task(spec: GraphSpec, records: SeriesRecords, name: str = "name") -> Task:
    part = extract(spec, records)
    return Task(name, spec, part, Origin.of(name, spec, part, Fingerprints()))
