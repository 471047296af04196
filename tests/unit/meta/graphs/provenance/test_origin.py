"""The digest of the code that draws: it has to cover that code wherever it lies."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from meta.graphs.provenance.origin import code_version, files_that_draw

#: One module of each part that decides what is drawn.
PARTS = (
    "meta.graphs.captions.note",
    "meta.graphs.data.plan",
    "meta.graphs.drawing.kind",
    "meta.graphs.figure.render",
    "meta.graphs.kinds.line",
    "meta.graphs.theme.style",
    "meta.records.series_records",
    "meta.statistics.intervals.bootstrap",
)


def test_the_digest_covers_what_draws() -> None:
    """Numbers, captions, drawing and statistics are digested: a change of them has figures drawn again."""
    covered = set(files_that_draw())
    assert {Path(str(import_module(name).__file__)) for name in PARTS} <= covered
    assert len(code_version().partition("+")[2]) == 12
