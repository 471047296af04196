"""The layout that keeps the project readable: small files, packages that say what they own, one direction."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("database", "experiments", "meta")
#: Which packages of ours a package may import.
ALLOWED = {
    "database": {"database"},
    "experiments": {"database", "experiments"},
    "meta": {"database", "experiments", "meta"},
}


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


SOURCES = python_files(*PACKAGES)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_there_are_files() -> None:
    """The rules below look at the files of all three packages: they do not hold because nothing is found."""
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(PACKAGES)
    assert len(SOURCES) > 300


def test_files_are_short() -> None:
    """A file is one noun of at most 400 lines."""
    paths = [*SOURCES, *python_files("benchmarks", "tests")]
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_files_say_what_they_are() -> None:
    """Each module, and each folder in its __init__.py, begins with a docstring."""
    assert [name_of(path) for path in SOURCES if not ast.get_docstring(parse(path))] == []


def test_imports_go_one_way() -> None:
    """Database <- experiments <- meta, also inside functions."""
    upward = {
        name_of(path): imports(parse(path)) & (set(PACKAGES) - ALLOWED[path.relative_to(ROOT).parts[0]])
        for path in SOURCES
    }
    assert {name: packages for name, packages in upward.items() if packages} == {}


def test_statistics_know_arrays_only() -> None:
    """Statistics import neither the database nor what draws; the folder itself only exports names."""
    forbidden = {"database", "experiments", "matplotlib", "sqlalchemy", "pandas"}
    door = ROOT / "meta/statistics/__init__.py"
    paths = [path for path in python_files("meta/statistics") if path != door]
    assert len(paths) > 10
    imported = {name_of(path): imports(parse(path)) & forbidden for path in paths}
    assert {name: packages for name, packages in imported.items() if packages} == {}


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


def test_every_folder_is_a_package() -> None:
    """A folder with modules has an __init__.py, or it would not be installed."""
    folders = {path.parent for path in SOURCES}
    assert [name_of(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_folders_are_neither_full_nor_nearly_empty() -> None:
    """A folder has at most 15 modules, registries with a file per member aside, and at least 3 members."""
    registries = {"meta/commands", "meta/graphs/kinds", "database/migrations/versions", "experiments/library"}
    small = {"database/integrations", "database/migrations"}
    members = {
        name_of(folder): [path for path in folder.iterdir() if is_member(path)]
        for folder in {path.parent for path in SOURCES}
    }
    assert {
        name: len(inside)
        for name, inside in members.items()
        if (len([path for path in inside if path.is_file()]) > 15 and name not in registries)
        or (len(inside) < 3 and name not in small)
    } == {}


def is_member(path: Path) -> bool:
    if path.is_dir():
        return (path / "__init__.py").is_file()
    return path.suffix == ".py" and path.name != "__init__.py"


def test_names_do_not_stutter() -> None:
    """No module has the name of its folder, singular or plural, or of a folder beside it."""
    stuttering = [
        name_of(path)
        for path in SOURCES
        if path.stem.removesuffix("s") == path.parent.name.removesuffix("s") or path.with_suffix("").is_dir()
    ]
    assert stuttering == []


def test_console_command() -> None:
    """The installed command is the one these tests test."""
    [command] = importlib.metadata.entry_points(group="console_scripts", name="experiments")
    assert command.value == "meta.commands:main"
    assert importlib.util.find_spec("meta.commands") is not None
