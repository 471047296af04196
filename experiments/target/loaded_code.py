"""The code that a process has loaded of a target: what its experiments run, whatever is on disk by then.

The files that the target imports are read just before it is loaded. A finder at the front of `sys.meta_path`
finds nothing, but is told of each import before the module is loaded: a file that was edited meanwhile is
read again then. Modules that are loaded in other ways are looked for when there are more modules than before.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from database.code_names import code_id
from experiments.target.project_code import ImportedFiles, Project
from experiments.target.source_file import SourceFile, read_source_file

#: The header of a file of bytecode: a word, flags, and the time and size of the source.
_HEADER_BYTES = 16


class LoadedCode:
    """The code of one target in this process.

    Parameters
    ----------
    imported : ImportedFiles
        As they are on disk, before the target is loaded.

    Attributes
    ----------
    id : int
        That of the set of files, as `database.models.Code.id`.
    on_edit : callable or None
        Called, in whichever thread and process, when a file is loaded that was edited since it was read.
    """

    def __init__(self, imported: ImportedFiles) -> None:
        self._project: Project = imported.project
        self._search = imported.search
        self._elsewhere: set[str] = set()
        self._modules = set(sys.modules)
        self._files: Mapping[str, str] = {}
        self.id = 0
        self.on_edit: Callable[[], None] | None = None
        self.read_again(imported)

    @property
    def files(self) -> Mapping[str, str]:
        """The digest of each file, by its path relative to the project; another object when it changes."""
        return self._files

    @files.setter
    def files(self, files: Mapping[str, str]) -> None:
        self._files = files
        self.id = code_id(files)

    def read_again(self, imported: ImportedFiles) -> None:
        """Take the files as they are now, except those that are loaded already."""
        loaded = _loaded_files()
        read = {
            path: _as_loaded(file, imported.sources[path], loaded).digest
            for path, file in imported.files.items()
        }
        self.files = {**self.files, **read}

    def about_to_import(self, name: str) -> None:
        """Read the file of a module again: it will be loaded at once."""
        top = name.partition(".")[0]
        if top in self._elsewhere:
            return
        path = [entry for entry in sys.path if isinstance(entry, str)]
        if tuple(path) != self._search.path:
            self._search = self._search.on(path)
            self._elsewhere.clear()
        found = self._search.find(name)
        if found is None:
            return
        if name == top and not any(map(self._project.has, (found.file, *found.folders))):
            self._elsewhere.add(top)
        elif found.file is not None:
            self.take(found.file)

    def take(self, file: str) -> None:
        """Read a file that is loaded now, if it is one of the project."""
        path = self._project.path_of(file)
        source = read_source_file(file) if path is not None else None
        if path is None or source is None:
            return
        _taken[file] = source
        before = self.files.get(path)
        if before != source.digest:
            self.files = {**self.files, path: source.digest}
            if before is not None and self.on_edit is not None:
                self.on_edit()

    def update(self) -> None:
        """Add the files of modules that were loaded since, in whichever way."""
        if len(sys.modules) == len(self._modules):
            return
        names = set(sys.modules)
        for name in names - self._modules:
            if name.partition(".")[0] in self._elsewhere:
                continue
            file = _file_of(sys.modules.get(name))
            path = self._project.path_of(file) if file is not None else None
            if file is not None and path is not None and path not in self.files:
                self.take(file)
        self._modules = names


class _ImportNotice:
    """A finder that finds nothing."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        for code in list(_codes.values()):
            code.about_to_import(name)
        return None


#: By target and folder: a module is loaded once, so is its code.
_codes: dict[tuple[str, str], LoadedCode] = {}
#: What was in files when their modules were loaded.
_taken: dict[str, SourceFile] = {}
_notice = _ImportNotice()


def watch_code(target: str, base_directory: str, imported: ImportedFiles) -> LoadedCode:
    """Return the code of a target that is loaded next, in this process; the same at each call."""
    key = target, base_directory
    if key in _codes:
        _codes[key].read_again(imported)
    else:
        _codes[key] = LoadedCode(imported)
    if _notice not in sys.meta_path:
        sys.meta_path.insert(0, _notice)
    return _codes[key]


def _loaded_files() -> dict[str, ModuleType]:
    modules = list(sys.modules.values())
    return {file: module for module in modules if (file := _file_of(module)) is not None}


def _file_of(module: object) -> str | None:
    """Return the file of a module, if it has one; what is in `sys.modules` may be anything."""
    try:
        file = vars(module).get("__file__")
    except TypeError:
        return None
    return file if isinstance(file, str) and os.path.isabs(file) else None  # noqa: PTH117 - text is enough


def _as_loaded(file: str, source: SourceFile, loaded: Mapping[str, ModuleType]) -> SourceFile:
    """Return what was in a file when its module was loaded, which may have been before `watch_code`."""
    if file not in loaded:
        _taken[file] = source
    elif file not in _taken:
        _taken[file] = _edited_since(file) or source
    return _taken[file]


def _edited_since(file: str) -> SourceFile | None:
    """Return a digest of its own for a file that was edited after a program had imported it.

    Its bytecode tells: that was written, or found to be right, by the import.
    """
    try:
        with Path(importlib.util.cache_from_source(file)).open("rb") as bytecode:
            header = bytecode.read(_HEADER_BYTES)
        status = os.stat(file)  # noqa: PTH116 - text is enough
    except (OSError, NotImplementedError):
        return None
    flags, seconds, size = (int.from_bytes(header[at : at + 4], "little") for at in (4, 8, 12))
    is_same = (seconds, size) == (int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
    if flags or len(header) < _HEADER_BYTES or is_same:
        return None
    return SourceFile(hashlib.sha256(header).hexdigest())
