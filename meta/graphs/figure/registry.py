"""The kinds of graphs by the names of series files."""

from __future__ import annotations

from experiments.series_file.sections.graphs import GraphKind
from meta.graphs.data.graph_data import Numbers
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.scene import Kind
from meta.graphs.kinds import (
    bar,
    box,
    curve,
    ecdf,
    heatmap,
    histogram,
    line,
    point,
    profile,
    ranking,
    scatter,
    strip,
    timeline,
    violin,
)
from meta.records.series_records import SeriesRecords

KINDS: dict[GraphKind, Kind] = {
    "curve": curve.KIND,
    "line": line.KIND,
    "bar": bar.KIND,
    "point": point.KIND,
    "box": box.KIND,
    "violin": violin.KIND,
    "strip": strip.KIND,
    "ecdf": ecdf.KIND,
    "histogram": histogram.KIND,
    "heatmap": heatmap.KIND,
    "scatter": scatter.KIND,
    "profile": profile.KIND,
    "ranking": ranking.KIND,
    "timeline": timeline.KIND,
}


def compute(plan: Plan, records: SeriesRecords) -> Numbers:
    """Compute everything that a graph shows.

    Raises
    ------
    GraphError
        It cannot be drawn as asked, or there is nothing to draw.
    """
    return KINDS[plan.kind].compute(plan, records)
