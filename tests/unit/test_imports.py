"""Imports: no rings, few inside functions, few by text; and texts that name modules name what there is."""

from __future__ import annotations

import ast
import io
import re
import signal
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("database", "experiments", "meta")
SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
DOTTED = re.compile(r"(?<![\w./-])(?:database|experiments|meta)(?:\.[A-Za-z_]\w*)+")
#: Not modules: names of files, and modules that examples and tests give to a user's project.
NO_MODULES = re.compile(
    r"experiments\.(?:db|helpers\.f|helpers|train)$|database\.tables$|meta\.(?:plots|shapes)$|"
    r"experiments\.target\.function\.x$"
)
#: Modules that may import others by a text: verbs, public folders, what servers of processes load.
BY_TEXT = {"database.lazy_exports", "meta.commands.group"}


@pytest.fixture
def _keeps_sigterm() -> Iterator[None]:
    """Modules of servers of processes ignore it when they are imported, and processes inherit that."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("_keeps_sigterm")
def test_texts_name_what_there_is() -> None:
    """Each dotted name in code, tests, documents and settings can be imported, up to its attributes."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name and name != "CHANGELOG.md"]
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in files
        if path.suffix in {".py", ".md", ".cfg", ".toml", ".yaml", ".mako"}
        and "hostile_yaml" not in path.parts
        if path.is_file()
        for line, text in texts_of(path)
        for name in DOTTED.findall(text)
        if not NO_MODULES.match(name) and not is_there(name)
    ]
    assert wrong == []


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a document; of Python only strings and comments, since types check the rest."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if (
            token.type in {tokenize.STRING, tokenize.COMMENT}
            or tokenize.tok_name[token.type] == "FSTRING_MIDDLE"
        ):
            yield token.start[0], token.string


@cache
def is_there(name: str) -> bool:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            thing: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(thing, part):
                return part in getattr(thing, "__annotations__", {})
            thing = getattr(thing, part)
        return True
    return False


def test_dotted_texts_are_told_apart() -> None:
    """A module that is gone, a name that its module lacks and a field of a class are told apart."""
    assert is_there("database.session.scoped_session")
    assert is_there("database.models.Experiment")
    for module in ("database.session", "database"):
        assert not is_there(f"{module}.nonsense")


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports_of(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Yield each import of a module of ours, also inside functions, but not those for type checkers."""
    unseen = {
        id(node)
        for block in nodes_of(path)
        if isinstance(block, ast.If) and last_name(block.test) == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in nodes_of(path):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            module = name if name in SOURCES else name.rpartition(".")[0]
            if module in SOURCES:
                yield node, module


def last_name(expression: ast.expr) -> str | None:
    """Return `c` of `a.b.c`, and `a` of `a`."""
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else None


def ring(edges: dict[str, set[str]]) -> list[str]:
    """Return one ring of a graph, or nothing."""
    done: set[str] = set()
    for start in sorted(edges):
        way: list[str] = []
        stack = [iter([start])]
        while stack:
            module = next(stack[-1], None)
            if module is None:
                stack.pop()
                if way:
                    done.add(way.pop())
            elif module in way:
                return [*way[way.index(module) :], module]
            elif module not in done:
                way.append(module)
                stack.append(iter(sorted(edges.get(module, ()))))
    return []


@cache
def imports_by_module() -> dict[str, set[str]]:
    return {name: {module for _, module in imports_of(path)} - {name} for name, path in SOURCES.items()}


def test_files_import_in_no_ring() -> None:
    """No module is imported by what it imports, also inside functions; only types may refer back."""
    assert ring(imports_by_module()) == []


@pytest.mark.parametrize("depth", [2, 3])
def test_folders_import_in_no_ring(depth: int) -> None:
    """Neither is a folder; a module that lies beside folders counts as one of them."""
    edges: dict[str, set[str]] = {}
    for module, imported in imports_by_module().items():
        folder, *others = (".".join(name.split(".")[:depth]) for name in (module, *imported))
        edges.setdefault(folder, set()).update(other for other in others if other != folder)
    inside = {folder: {other for other in others if "." in other} for folder, others in edges.items()}
    assert ring(inside) == []


def test_rings_are_found() -> None:
    """A ring is found wherever it begins; a graph without one has none."""
    assert ring({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert ring({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_imports_by_text() -> None:
    """Only the table of verbs and public folders import a module that they are told by a text."""
    found = {
        name
        for name, path in SOURCES.items()
        for node in nodes_of(path)
        if isinstance(node, ast.Call) and last_name(node.func) in {"import_module", "__import__"}
    }
    assert found - BY_TEXT == {"experiments.target.function"}, "beside them only what loads the user's target"


def test_paths_of_the_code() -> None:
    """Only `package_folder` knows where a package lies: paths counted from a file break when it moves."""
    found = {
        name
        for name, path in SOURCES.items()
        for node in nodes_of(path)
        if isinstance(node, ast.Name) and node.id == "__file__"
    }
    user_code = {"experiments.target.function"}  # gives a user's module its name and its file
    assert found - user_code == {"database", "meta"}
