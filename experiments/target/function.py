"""Targets that are Python functions, named by text and loaded the same way in every process.

A user's project may have folders named `experiments`, `meta` or `database`, as ours are. Neither
shadows the other: the user's folders are searched after everything installed, a file is loaded under
a private module name, and a user's folder of one of these names is searched after ours for modules that
ours lacks (on equal names ours wins; the ``__init__.py`` of such a folder is not run).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import json
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from database.suggestions import nearest, suggestion
from experiments.target.base import Mismatch, TargetError
from experiments.target.inspection import inspect_function
from experiments.target.signature import check_signature, describe

_OUR_PACKAGES = ("database", "experiments", "meta")
_MODULE_PREFIX = "_experiments_target_"
_MAX_TRACEBACK_LINES = 12
#: The files of the frames between a target's import and the user's first line.
_MACHINERY = frozenset(
    {__file__, importlib.__file__, "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>"}
)


@dataclass(frozen=True)
class LoadedFunction:
    """A function that is imported in this process.

    Attributes
    ----------
    function : callable
        Called with the parameters as keyword arguments.
    wants : frozenset of str
        Those of `seed`, `repetition` and `run` that its signature names.
    """

    function: Callable[..., Any]
    wants: frozenset[str]

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
            raise TargetError(f"{text!r} names no function; write {text}:FUNCTION")
        is_file = place.endswith(".py") or "/" in place
        if not _is_dotted_name(function) or not (is_file or _is_dotted_name(place)):
            raise TargetError(f"{text!r} is not module:function or path/file.py:function")
        if is_file:
            return cls(function, None, (base / _expanded(place)).resolve(), base)
        return cls(function, place, None, base)

    def __str__(self) -> str:
        """Return the canonical text: ``module:function``, or an absolute ``path/file.py:function``."""
        return f"{self.path or self.module}:{self.function}"

    @property
    def code(self) -> Path:
        """The project's folder."""
        return self.base_directory

    def check(self, parameter_names: Iterable[str] | None = None) -> list[Mismatch]:
        """Return the mismatches between the function and the parameters of its series; see `Target`."""
        signature = inspect_function(str(self), self.base_directory)
        return [] if parameter_names is None else check_signature(signature, list(parameter_names))

    def load(self) -> LoadedFunction:
        """Import the function in this process.

        Raises
        ------
        TargetError
            The file, module or function is missing, its import raised, or it cannot be called so.
        """
        member: Any = self._load_module()
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
        return LoadedFunction(member, describe(member, str(self)).wants)

    def has_moved_from(self, recorded: str, code: Path) -> bool:
        """Whether `recorded` is this function before its project was moved from `code`, as a whole."""
        old_path, _, old_function = recorded.rpartition(":")
        if self.path is None or old_function != self.function:
            return False
        with contextlib.suppress(ValueError):
            old_place = Path(old_path).relative_to(code)
            return self.path.relative_to(self.base_directory) == old_place and not Path(old_path).exists()
        return False

    def _load_module(self) -> ModuleType:
        if self.path is not None:
            _search_also(self.path.parent, self.base_directory)
            return _load_file(self.path)
        assert self.module is not None
        _search_also(self.base_directory, Path.cwd())
        return _import_module(self.module)


def answer_inspection(text: str, base_directory: str, channel: int) -> None:
    """Describe a function in the child of `inspect_function`; write the answer, as JSON, to a descriptor."""
    os.set_inheritable(channel, False)
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


def _load_file(path: Path) -> ModuleType:
    """Load a file as a module of its own, once per process."""
    name = _MODULE_PREFIX + hashlib.sha256(str(path).encode()).hexdigest()[:16]
    if name in sys.modules:
        return sys.modules[name]
    if not path.is_file():
        raise TargetError(_missing_file(path))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs, as an import does: dataclasses need their module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _import_raised(str(path), error) from error
    return module


def _import_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _import_raised(name, error) from error
        raise TargetError(_missing_module(name, error.name)) from error
    except (Exception, SystemExit) as error:
        raise _import_raised(name, error) from error


def _import_raised(place: str, error: BaseException) -> TargetError:
    """Return the error with the end of the traceback, from the user's first line on."""
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename in _MACHINERY:
        frames = frames.tb_next
    lines = "".join(traceback.format_exception(type(error), error, frames)).rstrip().splitlines()
    shown = "\n".join(f"    {line}" for line in lines[-_MAX_TRACEBACK_LINES:])
    return TargetError(f"importing {place} raised {type(error).__name__}:\n{shown}")


def _missing_file(path: Path) -> str:
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
