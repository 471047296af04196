"""What docs/graphs.md says of kinds and options is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from experiments.series_file.sections.graph_kinds import GRAPH_KINDS
from experiments.series_file.sections.graphs import GraphSpec

TEXT = (Path(__file__).parents[4] / "docs" / "graphs.md").read_text(encoding="utf-8")
#: The keys that the sentence below the table of kinds is about.
_TOLD_BELOW = {
    "kind",
    "where",
    "title",
    "size",
    "formats",
    "theme",
    "name",
    "order",
    "labels",
    "scale",
    "limits",
}


def test_the_table_of_kinds_has_the_keys_they_take() -> None:
    """Each kind has a row, and its last column names the keys that mean something for it."""
    rows = {
        found[1]: found[2] for found in re.finditer(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", TEXT, re.MULTILINE)
    }
    for kind in GRAPH_KINDS:
        told = rows[kind]
        if like := re.match(r"as `(\w+)`", told):
            told = rows[like[1]]
        named = {name for code in re.findall(r"`([^`]+)`", told) for name in code.split(", ")}
        assert named == GRAPH_KINDS[kind].keys - _TOLD_BELOW, kind


def test_every_key_is_explained() -> None:
    """Each key of a graph is in the table of what to ask for."""
    rows = " ".join(re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE))
    assert set(GraphSpec.model_fields) <= set(re.findall(r"`(\w+)`", rows))
