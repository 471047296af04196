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
    kind.rules.name: kind
    for kind in (
        curve.KIND,
        line.KIND,
        bar.KIND,
        point.KIND,
        box.KIND,
        violin.KIND,
        strip.KIND,
        ecdf.KIND,
        histogram.KIND,
        heatmap.KIND,
        scatter.KIND,
        profile.KIND,
        ranking.KIND,
        timeline.KIND,
    )
}
