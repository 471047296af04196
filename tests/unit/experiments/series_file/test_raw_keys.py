"""The keys of a recorded series file are known to its models only."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[4]
#: `ExperimentSeries.resolved`, by whatever name it is handed on.
NAMES = {"resolved"}


def raw_reads(tree: ast.AST) -> list[int]:
    """Return the lines that take a key out of a resolved file."""

    def is_resolved(node: ast.AST) -> bool:
        return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) in NAMES

    return sorted(
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Subscript) and is_resolved(node.value))
        or (isinstance(node, ast.Attribute) and node.attr in {"get", "items"} and is_resolved(node.value))
    )


def test_nobody_else_reads_them() -> None:
    """No module outside `experiments.series_file` takes a key out of `ExperimentSeries.resolved`."""
    assert raw_reads(ast.parse("a = series.resolved.get('fixed')\nb = resolved['grid']")) == [1, 2]
    models = ROOT / "experiments" / "series_file"
    readers = {
        str(path.relative_to(ROOT))
        for package in ("database", "experiments", "meta")
        for path in (ROOT / package).rglob("*.py")
        if not path.is_relative_to(models) and raw_reads(ast.parse(path.read_text(encoding="utf-8")))
    }
    # Revisions change what is recorded: an outcome gets another name, secrets are taken out.
    revisions = Path("database", "migrations", "versions")
    assert readers <= {str(revisions / "0003_error.py"), str(revisions / "0004_code.py")}
