"""Figures of graphs, for tests that look at what is on them."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.series_file.graphs import GraphSpec
from meta.graphs.drawing import make_picture
from meta.graphs.records import SeriesRecords


def make_figure(spec: GraphSpec, records: SeriesRecords) -> Figure:
    return make_picture(spec, records).figure
