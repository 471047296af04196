"""Figures of graphs, for tests that look at what is on them."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.figure.render import make_picture
from meta.records.series_records import SeriesRecords


def make_figure(spec: GraphSpec, records: SeriesRecords) -> Figure:
    return make_picture(spec, records).figure
