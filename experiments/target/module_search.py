"""Finding the files of modules on a search path, without importing anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import machinery
from typing import Any

#: What a folder's finder looks for, in this order.
_KINDS: list[tuple[Any, list[str]]] = [
    (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
    (machinery.SourceFileLoader, machinery.SOURCE_SUFFIXES),
    (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
]
#: Those of `sys.meta_path` whose modules are no files, or that this module stands for.
_STANDARD: tuple[object, ...] = (machinery.BuiltinImporter, machinery.FrozenImporter, machinery.PathFinder)

#: Finders of this program only watch.
_OURS = "experiments."


@dataclass(frozen=True, slots=True)
class FoundModule:
    """Where a module is.

    Attributes
    ----------
    file : str or None
        Its file, of a package its ``__init__.py``; None for a package without one.
    folders : tuple of str
        Where the modules of a package are; empty for other modules.
    """

    file: str | None
    folders: tuple[str, ...] = ()

    @property
    def parent(self) -> str:
        """The folder that a module is in, or the folder of a package."""
        return os.path.dirname(self.folders[0] if self.folders else self.file or "")  # noqa: PTH120 - text is enough


class ModuleSearch:
    """Finds modules as imports would with this search path.

    Parameters
    ----------
    path : sequence of str
        As `sys.path`.
    shared : mapping
        Further folders of packages of these names.
    """

    def __init__(self, path: Sequence[str], shared: Mapping[str, Sequence[str]] | None = None) -> None:
        self.path = tuple(path)
        self._shared = shared or {}
        self._found: dict[str, FoundModule] = {}
        self._finders: dict[str, machinery.FileFinder] = {}

    def on(self, path: Sequence[str]) -> ModuleSearch:
        """Return the search on another path."""
        return ModuleSearch(path, self._shared)

    def find(self, name: str) -> FoundModule | None:
        """Return where the module of this dotted name is; None when it is in no file, or not found."""
        found = self._found.get(name) or self._search(name)
        if found is not None:  # what is missing may be written before it is imported
            self._found[name] = found
        return found

    def _search(self, name: str) -> FoundModule | None:
        above, _, _ = name.rpartition(".")
        if above:
            package = self.find(above)
            return self._in_folders(name, package.folders) if package is not None else None
        if name in sys.builtin_module_names or machinery.FrozenImporter.find_spec(name) is not None:
            return None
        found = self._in_folders(name, self.path) or _by_other_finders(name)
        if found is not None and name in self._shared:
            return FoundModule(found.file, (*found.folders, *self._shared[name]))
        return found

    def _in_folders(self, name: str, folders: Sequence[str]) -> FoundModule | None:
        portions: list[str] = []
        for folder in folders:
            spec = self._finder(folder or os.getcwd()).find_spec(name)  # noqa: PTH109 - text is enough
            if spec is None:
                continue
            if spec.loader is not None:
                return FoundModule(spec.origin, tuple(spec.submodule_search_locations or ()))
            portions += spec.submodule_search_locations or ()
        return FoundModule(None, tuple(portions)) if portions else None

    def _finder(self, folder: str) -> machinery.FileFinder:
        if folder not in self._finders:
            self._finders[folder] = machinery.FileFinder(folder, *_KINDS)
        return self._finders[folder]


def _by_other_finders(name: str) -> FoundModule | None:
    """Ask the finders that programs have added, such as those of editable installations."""
    for finder in sys.meta_path:
        if finder in _STANDARD or type(finder).__module__.startswith(_OURS):
            continue
        try:
            spec = finder.find_spec(name, None)
        except Exception:  # noqa: BLE001, S112 - whatever a program has added there
            continue
        if spec is not None:
            file = spec.origin if spec.has_location else None
            return FoundModule(file, tuple(spec.submodule_search_locations or ()))
    return None
