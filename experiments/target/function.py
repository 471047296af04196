"""Targets that are Python functions, named by text and loaded the same way in every process.

A user's project may have folders named `experiments`, `meta` or `database`, as ours are. Neither
shadows the other: the user's folders are searched after everything installed, and a user's folder of
one of these names is searched after ours for modules that ours lacks (on equal names ours wins; the
``__init__.py`` of such a folder is not run).

A process that a target starts, such as a worker of a pool, imports the module of what it is sent by its
name. So a file is imported under its own name, ``train``, where the search path leads that name to this very
file. Where it leads to something else (``random.py``), the module has a private name, for which a folder
of the run has a module of one line; that folder is at the end of the search path, which is handed on.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import json
import multiprocessing
import os
import pkgutil
import sys
import textwrap
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.machinery import PathFinder
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from database.failure_text import tracebacks
from database.failure_text.shortening import shortened_traceback
from database.files.paths import current_folder, what_is_no_file
from database.suggestions import nearest, suggestion
from experiments.output.results_folder import write_atomically
from experiments.processes.fresh_process import search_path
from experiments.processes.parent_death import die_with_parent
from experiments.target.base import Mismatch, TargetError
from experiments.target.inspection import inspect_function
from experiments.target.loaded_code import LoadedCode, watch_code
from experiments.target.module_search import ModuleSearch
from experiments.target.project_code import ImportedFiles, Project, digests_of
from experiments.target.signature import check_signature, describe

_OUR_PACKAGES = ("database", "experiments", "meta")
_MODULE_PREFIX = "_experiments_target_"
_MAX_TRACEBACK_LINES = 12
#: The files of the frames between a target's import and the user's first line.
_MACHINERY = frozenset(
    {__file__, importlib.__file__, "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>"}
)
#: By the name of a target's module: the start method of processes that its import left.
_start_methods: dict[str, str | None] = {}


@dataclass(frozen=True)
class LoadedFunction:
    """A function that is imported in this process.

    Attributes
    ----------
    function : callable
        Called with the parameters as keyword arguments.
    wants : frozenset of str
        Those of `seed`, `repetition` and `run` that its signature names.
    code : LoadedCode
        What was loaded with it.
    """

    function: Callable[..., Any]
    wants: frozenset[str]
    code: LoadedCode

    def call(self, parameters: Mapping[str, Any], offered: Mapping[str, Any]) -> object:
        """Call the function; see `LoadedTarget`."""
        return self.function(**{**parameters, **{name: offered[name] for name in self.wants}})


@dataclass(frozen=True)
class FunctionTarget:
    """A function, by the module or the file it is in; a `Target`.

    Attributes
    ----------
    function : str
        Its name in the module; dots lead into classes.
    module : str or None
        The dotted name of the module; None when the function is in a file.
    path : Path or None
        The absolute path of the file; None when the function is in a module.
    base_directory : Path
        The project's folder, which is also searched for imports.
    """

    function: str
    module: str | None
    path: Path | None
    base_directory: Path

    @classmethod
    def parse(cls, text: str, base_directory: Path | str) -> FunctionTarget:
        """Return the function that `text` names; see `experiments.target.parsing.parse_target`."""
        base = Path(base_directory).resolve()
        place, colon, function = text.rpartition(":")
        if not colon and text.endswith(".py"):
            file = text.removeprefix("python ").removeprefix("python3 ")
            raise TargetError(f"{text!r} names no function; write {file}:FUNCTION")
        is_file = place.endswith(".py") or "/" in place
        if not _is_dotted_name(function) or not (is_file or _is_dotted_name(place)):
            raise TargetError(f"{text!r} is not module:function or path/file.py:function")
        if is_file:
            return cls(function, None, Path(os.path.realpath(base / _expanded(place))), base)
        return cls(function, place, None, base)

    def __str__(self) -> str:
        """Return the canonical text: ``module:function``, or an absolute ``path/file.py:function``."""
        return f"{self.path or self.module}:{self.function}"

    @property
    def name(self) -> str:
        """The name of the file, or of the module."""
        return self.path.name if self.path is not None else str(self.module)

    @property
    def code(self) -> Path:
        """The project's folder."""
        return self.base_directory

    def check(self, parameter_names: Iterable[str] | None = None) -> list[Mismatch]:
        """Return the mismatches between the function and the parameters of its series; see `Target`."""
        signature = inspect_function(str(self), self.base_directory)
        return [] if parameter_names is None else check_signature(signature, list(parameter_names))

    def load(self, modules: Path | None = None) -> LoadedFunction:
        """Import the function in this process; see `Target`.

        Raises
        ------
        TargetError
            The file, module or function is missing, its import raised, or it cannot be called so.
        """
        code = watch_code(str(self), str(self.base_directory), self._imported_files())
        multiprocessing.set_start_method(None, force=True)
        module = self._load_module(modules)
        # A module that was loaded earlier does not choose its start method again.
        chosen = multiprocessing.get_start_method(allow_none=True)
        multiprocessing.set_start_method(_start_methods.setdefault(module.__name__, chosen), force=True)
        member: Any = module
        for name in self.function.split("."):
            if not hasattr(member, name):
                names = [name for name in dir(member) if callable(getattr(member, name, None))]
                public = [name for name in names if not name.startswith("_")]
                raise TargetError(
                    f"{self.path or self.module} has no function {self.function!r}; "
                    f"{suggestion(name, public, kind='it has')}"
                )
            member = getattr(member, name)
        if not callable(member):
            raise TargetError(f"{self} is no function, but of type {type(member).__name__}")
        code.update()
        return LoadedFunction(member, describe(member, str(self)).wants, code)

    def digests(self, others: Collection[str] = ()) -> dict[str, str]:
        """Return the digests of the files of its code on disk; see `Target`."""
        if self.path is not None and not self.path.is_file():
            raise TargetError(_missing_file(self.path))
        imported = self._imported_files()
        if self.module is not None and imported.search.find(self.module) is None:
            raise TargetError(
                f"there is no module {self.module} in what is installed, the folder of the series "
                "file or the current folder"
            )
        return digests_of(imported, others)

    def _imported_files(self) -> ImportedFiles:
        """Return the files that it imports, found on the search path that it is loaded with."""
        folders = [str(folder) for folder in self._searched_folders()]
        search = ModuleSearch(
            list(dict.fromkeys([*search_path(), *folders])),
            {name: [f"{folder}/{name}" for folder in folders] for name in _OUR_PACKAGES},
        )
        base = str(self.base_directory)
        if self.path is not None:
            file, folder = str(self.path), str(self.path.parent)
        else:
            found, top = search.find(str(self.module)), search.find(str(self.module).partition(".")[0])
            file = (found.file if found is not None else None) or ""
            folder = top.parent if top is not None else base
        project = Project.of(file, folder, base, is_module=self.path is None)
        imported = ImportedFiles(project, search)
        if file:
            imported.follow(self.module or "", file)
        return imported

    def _searched_folders(self) -> tuple[Path, Path]:
        """Return the folders that imports are searched in besides `sys.path`."""
        if self.path is not None:
            return self.path.parent, self.base_directory
        return self.base_directory, current_folder()

    def has_moved_from(self, recorded: str, code: Path) -> bool:
        """Whether `recorded` is this function before its project was moved from `code`, as a whole."""
        old_path, _, old_function = recorded.rpartition(":")
        if self.path is None or old_function != self.function:
            return False
        with contextlib.suppress(ValueError):
            old_place = Path(old_path).relative_to(code)
            return self.path.relative_to(self.base_directory) == old_place and not Path(old_path).exists()
        return False

    def _load_module(self, modules: Path | None) -> ModuleType:
        if self.path is not None:
            sys.argv = [str(self.path)]
            _search_also(*self._searched_folders())
            return _load_file(self.path, modules)
        assert self.module is not None
        _search_also(*self._searched_folders())
        sys.argv = [_file_of(self.module)]
        return _import_module(self.module)


def answer_inspection(text: str, base_directory: str, channel: int, parent_pipe: int) -> None:
    """Describe a function in the child of `inspect_function`; write the answer, as JSON, to a descriptor."""
    os.set_inheritable(channel, False)
    with Connection(parent_pipe, writable=False) as pipe:
        die_with_parent(pipe)
    content: dict[str, Any]
    try:
        loaded = FunctionTarget.parse(text, base_directory).load()
        content = {"signature": asdict(describe(loaded.function, text))}
    except TargetError as error:
        content = {"error": str(error)}
    with os.fdopen(channel, "w", encoding="utf-8") as file:
        json.dump(content, file)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # without waiting for threads and exit handlers of the user's code


def _expanded(place: str) -> Path:
    try:
        return Path(place).expanduser()
    except RuntimeError as error:
        raise TargetError(f"{place!r} begins with a user whose home folder is not known") from error


def _is_dotted_name(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _search_also(*folders: Path) -> None:
    """Add folders to the end of the search path of imports."""
    # Before the path grows: in an editable installation ours are found after everything on it.
    packages = {name: importlib.import_module(name) for name in _OUR_PACKAGES}
    for folder in folders:
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
        for name, package in packages.items():
            theirs = folder / name
            if theirs.is_dir():
                searched = package.__path__
                if not any(Path(ours).resolve() == theirs.resolve() for ours in searched):
                    searched.append(str(theirs))
    importlib.invalidate_caches()


def _load_file(path: Path, modules: Path | None) -> ModuleType:
    """Load a file as a module, once per process."""
    private = _MODULE_PREFIX + hashlib.sha256(str(path).encode()).hexdigest()[:16]
    if private not in sys.modules:
        try:
            is_there = path.is_file()
        except OSError as error:  # its name is too long
            raise TargetError(f"{os.fspath(path)[:200]}... cannot be read: {error.strerror}") from None
        if not is_there:
            raise TargetError(_missing_file(path))
        if _leads_to(path.stem, path):
            return _import(path.stem, str(path))
    if modules is not None:
        _offer(private, path, modules)
    if private in sys.modules:
        return sys.modules[private]
    spec = importlib.util.spec_from_file_location(private, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[private] = module  # before it runs, as an import does: dataclasses need their module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[private]
        raise _import_raised(str(path), error) from error
    return module


def _leads_to(name: str, path: Path) -> bool:
    """Whether importing `name` gives the module of this very file, here and wherever the path is the same."""
    if "." in name:
        return False
    try:
        spec = importlib.util.find_spec(name)
        return spec is not None and spec.origin is not None and path.samefile(spec.origin)
    except (ImportError, ValueError, OSError):  # as of __main__, or of a module that is no file
        return False


def _offer(name: str, path: Path, modules: Path) -> None:
    """Let processes that get this process's search path import a file under its private name."""
    line = f"__file__ = {str(path)!a}; "
    line += 'exec(compile(__spec__.loader.get_data(__file__), __file__, "exec"))\n'
    try:
        write_atomically(modules / f"{name}.py", line.encode())
    except OSError as error:
        raise TargetError(f"{modules} cannot be written to ({error.strerror})") from error
    if str(modules) not in sys.path:
        sys.path.append(str(modules))
    importlib.invalidate_caches()


def _file_of(name: str) -> str:
    """Return the file of a module that need not be imported yet, or its name where there is none."""
    top, *inner = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
        for part in inner:
            if spec is None:
                break
            spec = PathFinder.find_spec(f"{spec.name}.{part}", spec.submodule_search_locations)
    except (ImportError, ValueError):
        return name
    return name if spec is None or not spec.has_location or spec.origin is None else spec.origin


def _import_module(name: str) -> ModuleType:
    try:
        return _import(name, name)
    except TargetError as error:
        missing = error.__cause__
        if isinstance(missing, ModuleNotFoundError) and f"{name}.".startswith(f"{missing.name}."):
            raise TargetError(_missing_module(name, str(missing.name))) from missing
        raise


def _import(name: str, place: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise _import_raised(place, error) from error


def _import_raised(place: str, error: BaseException) -> TargetError:
    """Return the error with the user's last line, and the end of the traceback from the first one on."""
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename in _MACHINERY:
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    where = tracebacks.place(text)
    at = f" at {where}" if where else ""
    shown = textwrap.indent(shortened_traceback(text, _MAX_TRACEBACK_LINES), "    ")
    # The module is a script, which begins its own work, such as reading arguments, when it is imported.
    advice = ' (what only a script does belongs below `if __name__ == "__main__":`)'
    name = f"{type(error).__name__}{advice if isinstance(error, SystemExit) else ''}"
    return TargetError(f"importing {place} raised {name}{at}:\n{shown}")


def _missing_file(path: Path) -> str:
    if kind := what_is_no_file(path):
        return f"{path} is {kind}, not a Python file"
    if kind := what_is_no_file(path):
        return f"{path} is {kind}, not a Python file"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}, where {path.name} should be"
    similar = nearest(path.name, [file.name for file in path.parent.glob("*.py")])
    return f"there is no file {path}" + (f"; did you mean {similar}?" if similar else "")


def _missing_module(name: str, missing: str) -> str:
    """Return which part of a dotted module name does not exist, and the nearest existing name."""
    above, _, last = missing.rpartition(".")
    search = getattr(importlib.import_module(above), "__path__", []) if above else None
    names = [module.name for module in pkgutil.iter_modules(search)]
    similar = nearest(last, names if above else [*_OUR_PACKAGES, *names])
    hint = f"; did you mean {f'{above}.{similar}' if above else similar}?" if similar else ""
    part = "" if missing == name else f" (already {missing} is missing)"
    return (
        f"there is no module {name}{part} in what is installed, the folder of the series file "
        f"or the current folder{hint}"
    )
