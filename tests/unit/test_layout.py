"""The layout that keeps the project readable: small files, packages that say what they own, one direction."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("database", "experiments", "meta")
#: Which packages of ours a package may import.
ALLOWED = {
    "database": {"database"},
    "experiments": {"database", "experiments"},
    "meta": {"database", "experiments", "meta"},
}
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize(
    "path",
    [*SOURCES, *sorted((ROOT / "benchmarks").rglob("*.py")), *sorted((ROOT / "tests").rglob("*.py"))],
    ids=name_of,
)
def test_files_are_short(path: Path) -> None:
    """A file is one noun of at most 400 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_say_what_they_are(path: Path) -> None:
    """Each module, and each folder in its __init__.py, begins with a docstring."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    """Database <- experiments <- meta, also inside functions."""
    package = path.relative_to(ROOT).parts[0]
    imported = imports(ast.parse(path.read_text(encoding="utf-8")))
    assert imported & set(PACKAGES) <= ALLOWED[package]


def test_statistics_know_arrays_only() -> None:
    """Statistics import neither the database nor anything that draws."""
    for path in (ROOT / "meta" / "statistics").rglob("*.py"):
        found = imports(ast.parse(path.read_text(encoding="utf-8")))
        if path.parent.name == "statistics":  # exports lazily, with a function that knows no SQL
            found -= {"database"}
        assert not found & {"database", "experiments", "matplotlib", "sqlalchemy", "pandas"}, name_of(path)


def imports(tree: ast.AST) -> set[str]:
    """Return the top-level names of all imports."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found.add((node.module or "").partition(".")[0])
    return found


def test_the_imports_test_sees_what_it_should() -> None:
    """An import the wrong way is found wherever it hides."""
    hidden = (
        "def f():\n    if True:\n        from meta.graphs import style\n    import experiments.context as c"
    )
    assert imports(ast.parse(hidden)) == {"meta", "experiments"}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_folder_is_a_package(path: Path) -> None:
    """A folder with modules has an __init__.py, or it would not be installed."""
    assert (path.parent / "__init__.py").is_file()


def test_console_command() -> None:
    """The installed command is the one these tests test."""
    [command] = importlib.metadata.entry_points(group="console_scripts", name="experiments")
    assert command.value == "meta.commands:main"
    assert importlib.util.find_spec("meta.commands") is not None
