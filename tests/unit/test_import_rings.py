"""No ring of imports, neither of files nor of folders; imports inside functions count."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("database", "experiments", "meta")

Graph = Mapping[str, Set[str]]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(tree: ast.AST, known: Set[str]) -> set[str]:
    """Return the modules of ours that are imported at run time, wherever the import stands."""
    modules: set[str] = set()
    for node in run_time_nodes(tree):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                modules.add(inner if inner in known else node.module)
    return modules & known


def run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree without what only type checkers read."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        for other in node.orelse:
            yield from run_time_nodes(other)
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from run_time_nodes(child)


def rings(graph: Graph) -> list[list[str]]:
    """Return the groups of nodes that can all be reached from each other."""
    reachable = {node: reachable_from(node, graph) for node in graph}
    groups = {
        frozenset({node, *(other for other in reached if node in reachable.get(other, ()))})
        for node, reached in reachable.items()
        if node in reached
    }
    return sorted(sorted(group) for group in groups)


def reachable_from(start: str, graph: Graph) -> set[str]:
    reached: set[str] = set()
    waiting = list(graph.get(start, ()))
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting.extend(graph.get(node, ()))
    return reached


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Return what each module of the product imports of the others."""
    files = {module_name(path): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in files.items()}
    assert len(trees) > 300
    return {name: imported_modules(tree, files.keys()) - {name} for name, tree in trees.items()}


def inside(package: str, imports: Graph) -> dict[str, set[str]]:
    return {
        module: {other for other in imported if other.split(".")[0] == package}
        for module, imported in imports.items()
        if module.split(".")[0] == package
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_files_have_no_ring(imports: dict[str, set[str]], package: str) -> None:
    """Modules import each other in one direction."""
    assert rings(inside(package, imports)) == []


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("package", PACKAGES)
def test_folders_have_no_ring(imports: dict[str, set[str]], package: str, depth: int) -> None:
    """Neither do folders: a folder, and a module that lies beside it, import each other in one direction."""
    folders: dict[str, set[str]] = {}
    for module, imported in inside(package, imports).items():
        folder = ".".join(module.split(".")[:depth])
        others = {".".join(other.split(".")[:depth]) for other in imported}
        folders.setdefault(folder, set()).update(others - {folder})
    assert rings(folders) == []


def test_rings_are_found() -> None:
    """A ring is found through an import in a function, and not through one for types only."""
    hidden = ast.parse(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a.c\ndef f():\n    from a import b"
    )
    assert imported_modules(hidden, {"a", "a.b", "a.c"}) == {"a.b"}
    assert rings({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}) == [["a", "b", "c"]]
