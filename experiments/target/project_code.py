"""The code of a target as it is on disk: the files of its project that it imports.

The project of ``file.py:function`` are the folder of the series file and that of the target, with all below
them; that of ``module:function`` the folder of the series file and the one that the module's top-level
package is in. What is installed is no part of it, nor is an environment inside a project's folder: the
versions are recorded with each runner. Neither is this program.

The files are found by the imports in the text of files, those inside functions included; nothing is imported.
"""

from __future__ import annotations

import os
import site
import sysconfig
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from database import package_folder
from experiments.target.module_search import ModuleSearch
from experiments.target.source_file import Import, SourceFile, read_source_file

#: Folders of this name hold what is installed, by whichever interpreter.
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_OUR_PACKAGES = tuple(str(package_folder().parent / name) for name in ("database", "experiments", "meta"))


@dataclass(frozen=True)
class Root:
    """A folder whose files are the project's.

    Attributes
    ----------
    folder : str
        Absolute.
    prefix : str
        What is put before the paths of its files, so that those of two folders differ.
    """

    folder: str
    prefix: str = ""


@dataclass(frozen=True)
class Project:
    """The folders of a target's project.

    Attributes
    ----------
    roots : tuple of Root
        None of them inside another.
    target_file : str
        Part of the project also where it is this program's own; empty where it is installed.
    """

    roots: tuple[Root, ...]
    target_file: str

    @classmethod
    def of(cls, target_file: str, folder: str, base_directory: str, *, is_module: bool) -> Project:
        """Return the project of a target.

        Parameters
        ----------
        target_file : str
            The file that the function is in.
        folder : str
            The target's: that of its file, or the one that its module's top-level package is in.
        base_directory : str
            The folder of the series file.
        is_module : bool
            Whether the target is named by a module, which says nothing about where that is.
        """
        if _is_installed(target_file):
            return cls((Root(base_directory),), "")
        if _is_inside(folder, base_directory):
            return cls((Root(base_directory),), target_file)
        if _is_inside(base_directory, folder):
            return cls((Root(folder),), target_file)
        prefix = "" if is_module else f"{Path(os.path.relpath(folder, base_directory)).as_posix()}/"
        return cls((Root(base_directory), Root(folder, prefix)), target_file)

    def has(self, path: str | None) -> bool:
        """Whether a file, or a folder, lies in the project."""
        return path is not None and self.path_of(path) is not None

    def path_of(self, file: str) -> str | None:
        """Return the path of a file relative to the project, with slashes; None when it is not part of it."""
        try:
            real = os.path.realpath(file)
        except ValueError:  # a NUL in the path
            return None
        for known in dict.fromkeys((os.path.abspath(file), real)):  # noqa: PTH100 - links stay as they are
            for root in self.roots:
                if _is_inside(known, root.folder):
                    if real != self.target_file and (_is_excluded(known) or _is_excluded(real)):
                        return None
                    return root.prefix + Path(os.path.relpath(known, root.folder)).as_posix()
        return None

    def file_of(self, path: str) -> str | None:
        """Return the file of a path that `path_of` returned; None when there is none any more."""
        for root in self.roots:
            if path.startswith(root.prefix):
                file = os.path.join(root.folder, path.removeprefix(root.prefix))  # noqa: PTH118 - text is enough
                if os.path.isfile(file) and self.path_of(file) == path:  # noqa: PTH113 - as above
                    return file
        return None


@dataclass
class ImportedFiles:
    """The files of a project that a target imports, as far as the text of the files tells.

    Parameters
    ----------
    project : Project
        What belongs to it.
    search : ModuleSearch
        Where modules are found.

    Attributes
    ----------
    sources : dict
        What is in each, by path relative to the project.
    files : dict
        The file of each, by the same path.
    """

    project: Project
    search: ModuleSearch
    sources: dict[str, SourceFile] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _elsewhere: set[str] = field(default_factory=set)

    def follow(self, name: str, file: str) -> None:
        """Add a module, the packages above it, and what all of these import.

        Parameters
        ----------
        name : str
            Its dotted name; empty for a target that is given by path.
        """
        waiting = [(name, file), *self._modules(name)]
        while waiting:
            name, file = waiting.pop()
            path = self.project.path_of(file)
            source = read_source_file(file) if path is not None else None
            if path is None or source is None:
                continue
            self.sources[path] = source
            self.files[path] = file
            is_package = os.path.basename(file).startswith("__init__.")  # noqa: PTH119 - text is enough
            package = name if is_package else name.rpartition(".")[0]
            for statement in source.imports:
                for imported in _names(statement, package):
                    waiting += self._modules(imported)

    def _modules(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield the packages above a module and itself, as far as they are new, with their files."""
        if name.partition(".")[0] in self._elsewhere:
            return
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            part = ".".join(parts[:end])
            found = self.search.find(part)
            if found is None:
                return
            if part not in self._seen:
                self._seen.add(part)
                if end == 1 and not any(map(self.project.has, (found.file, *found.folders))):
                    self._elsewhere.add(part)
                    return
                if found.file is not None:
                    yield part, found.file


def _names(statement: Import, package: str) -> Iterator[str]:
    """Yield the dotted names that a statement may load: what is imported from a module may be one itself."""
    module = statement.module
    if statement.level:
        above = package.split(".") if package else []
        kept = len(above) - statement.level + 1
        if kept <= 0:
            return  # it raises
        module = ".".join([*above[:kept], *([module] if module else [])])
    yield module
    for name in statement.names:
        if name != "*":
            yield f"{module}.{name}"


def digests_of(imported: ImportedFiles, others: Collection[str] = ()) -> dict[str, str]:
    """Return the digest of each file, and of other files of the project that exist.

    Parameters
    ----------
    others : collection of str
        Paths relative to the project, such as those that earlier runs found while they ran.
    """
    digests = {path: source.digest for path, source in imported.sources.items()}
    for path in others:
        file = imported.project.file_of(path) if path not in digests else None
        source = read_source_file(file) if file is not None else None
        if source is not None:
            digests[path] = source.digest
    return digests


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _is_excluded(path: str) -> bool:
    return _is_installed(path) or any(_is_inside(path, folder) for folder in _OUR_PACKAGES)


def _is_installed(path: str) -> bool:
    return not _INSTALLED.isdisjoint(Path(path).parts) or any(
        _is_inside(path, folder) for folder in _installed_folders()
    )


@cache
def _installed_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = {sysconfig.get_paths()[name] for name in names} | set(site.getsitepackages())
    if site.ENABLE_USER_SITE:
        folders.add(site.getusersitepackages())
    return tuple(sorted({real for folder in folders for real in (folder, os.path.realpath(folder))}))
