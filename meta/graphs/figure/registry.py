"""The kinds of graphs by their names in series files."""

from __future__ import annotations

from meta.graphs.drawing.kind import Kind
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

KINDS: dict[str, Kind] = {
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
