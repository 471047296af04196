"""The modules that users import from: each can be imported and names what it exports."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Listed in docs/python.md; everything else may move.
PUBLIC = (
    "database.engine",
    "database.errors",
    "database.events",
    "database.integrations.flask",
    "database.models",
    "database.queries",
    "database.series",
    "database.session",
    "database.settings",
    "database.testing",
    "experiments.context",
    "experiments.creation",
    "experiments.run_experiments",
    "meta",
    "meta.create_experiment_series",
    "meta.frames",
    "meta.generate_aggregate_graphs",
    "meta.report",
    "meta.statistics",
    "meta.tables",
)
FOLDERS = [name for name in PUBLIC if (ROOT / Path(*name.split(".")) / "__init__.py").is_file()]


def folder_of(name: str) -> Path:
    return ROOT / Path(*name.split("."))


def test_public_modules_export_what_they_name() -> None:
    """Each public module can be imported; what folders export is named in `__all__` and is there."""
    for name in PUBLIC:
        module = import_module(name)
        named = getattr(module, "__all__", ())
        assert named or name not in FOLDERS, name
        assert [exported for exported in named if not hasattr(module, exported)] == [], name


def test_public_folders_hide_no_module() -> None:
    """No exported name equals a module of its folder: `from folder import name` means one thing."""
    hidden = [
        f"{name}.{exported}"
        for name in FOLDERS
        for exported in import_module(name).__all__
        if (folder_of(name) / f"{exported}.py").exists() or (folder_of(name) / exported).is_dir()
    ]
    assert hidden == []


def test_unknown_names_are_refused() -> None:
    """A public folder without a name says so as any module does, and names nothing that it does not have."""
    for name in FOLDERS:
        with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
            import_module(name).nonsense  # noqa: B018 - it is the access that is tested


def test_modules_import_past_their_own_folder() -> None:
    """Inside a folder nobody imports through the folder's own `__init__`: no ring by way of it."""
    through = []
    for name in FOLDERS:
        exported = set(import_module(name).__all__)
        for path in sorted(folder_of(name).rglob("*.py")):
            if path.name == "__init__.py" and path.parent == folder_of(name):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module == name:
                    found = [alias.name for alias in node.names if alias.name in exported]
                    through += [f"{path.relative_to(ROOT)}:{node.lineno}: {each}" for each in found]
    assert through == []


def test_public_modules_are_documented() -> None:
    """The page for programmers lists just the modules that are public."""
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    assert listed | {"meta.frames"} == set(PUBLIC)
