"""What is known of a kind of graph stands in its two records: nobody else asks for a kind by its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from experiments.series_file.sections.graph_kinds import GRAPH_KINDS
from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.drawing.kind import Kind
from meta.graphs.figure.registry import KINDS

ROOT = Path(__file__).parents[5]
#: The rules and the drawings, by the names of the kinds.
REGISTRIES = {
    ROOT / "experiments/series_file/sections/graph_kinds.py",
    ROOT / "meta/graphs/figure/registry.py",
}
#: Elsewhere a line is one of a file.
SOURCES = [
    path
    for folder in ("experiments/series_file", "meta")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path not in REGISTRIES
]


def asked_for(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield where code depends on the name of a kind: comparisons, patterns, and keys of mappings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            depends: list[ast.AST | None] = [node.left, *node.comparators]
        elif isinstance(node, ast.Dict):
            depends = [*node.keys]
        elif isinstance(node, ast.MatchValue | ast.Subscript):
            depends = [node.value if isinstance(node, ast.MatchValue) else node.slice]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "frozenset":
            depends = [*node.args]
        else:
            continue
        for part in depends:
            for found in [part, *getattr(part, "elts", ())]:
                if isinstance(found, ast.Constant) and found.value in GRAPH_KINDS:
                    yield node.lineno, str(found.value)


@pytest.mark.parametrize(
    "code",
    [
        'plan.kind == "heatmap"',
        '"heatmap" != kind',
        'kind in ("box", "violin")',
        'frozenset({"ranking"})',
        '{"curve": 1}',
        'table["ecdf"]',
        'match kind:\n    case "scatter":\n        pass',
    ],
)
def test_the_search_finds_what_it_should(code: str) -> None:
    """Each way to depend on the name of a kind is found."""
    assert list(asked_for(ast.parse(code)))


def test_nobody_else_compares_a_kind_with_a_text() -> None:
    """A new kind changes its own files, the rules and the registry, and nothing else."""
    kinds = ROOT / "meta/graphs/kinds"
    found = []
    for path in SOURCES:
        for line, name in asked_for(ast.parse(path.read_text(encoding="utf-8"))):
            if not (path.parent == kinds and path.stem == name):
                found.append(f"{path.relative_to(ROOT)}:{line}: {name}")
    assert found == []


def test_rules_and_drawings_are_of_the_same_kinds() -> None:
    """What a series file may ask for can be drawn, in the same order, by the rules of that name."""
    assert list(KINDS) == list(GRAPH_KINDS)
    assert all(kind is import_module(f"meta.graphs.kinds.{name}").KIND for name, kind in KINDS.items())
    assert {path.stem for path in (ROOT / "meta/graphs/kinds").glob("*.py")} == {"__init__", *GRAPH_KINDS}


@pytest.mark.parametrize("name", GRAPH_KINDS)
def test_rules_speak_of_keys_that_there_are(name: str) -> None:
    """Keys, required keys and roles are keys of a graph, and a kind takes what it needs."""
    rules = GRAPH_KINDS[name]
    assert rules.keys <= set(GraphSpec.model_fields)
    assert set(rules.required) <= rules.keys
    assert {key for key in rules.roles if key in rules.keys} == {"x", "y"} & rules.keys
    assert rules.description
    assert isinstance(KINDS[name], Kind)
