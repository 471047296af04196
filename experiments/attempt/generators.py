"""The random generators that all code of a process shares, while an attempt runs.

They are seeded before each attempt. What a function imports is imported by the first attempt in a process
only, and importing may draw numbers, seed, or bring a generator of its own (``import sklearn.ensemble``
draws from `random`). So that no result depends on who came first, each import of a new module leaves the
generators as they were, and those that came with it are seeded as the others were before the attempt.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

#: The file of the frames that Python leaves out of a traceback through an import.
_IMPORTS = "<frozen importlib._bootstrap_external>"


@dataclass(frozen=True)
class _Generator:
    """A module's global generator.

    Attributes
    ----------
    module : str
        The module.
    seeds, reads, writes : str
        Its functions that seed the generator, and return and set its state.
    """

    module: str
    seeds: str
    reads: str
    writes: str

    def function(self, name: str) -> Callable[..., Any]:
        """Return one of the functions."""
        function: Callable[..., Any] = getattr(sys.modules[self.module], name)
        return function

    def is_loaded(self) -> bool:
        """Whether the module is imported, as a whole, and is no other of this name."""
        module = sys.modules.get(self.module)
        return hasattr(module, self.seeds) and hasattr(module, self.reads) and hasattr(module, self.writes)


_GENERATORS = (
    _Generator("random", "seed", "getstate", "setstate"),
    _Generator("numpy.random", "seed", "get_state", "set_state"),
    _Generator("torch", "manual_seed", "get_rng_state", "set_rng_state"),
)


def _left_out_of_tracebacks(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function be left out of tracebacks through an import, as what calls it is."""
    function.__code__ = function.__code__.replace(co_filename=_IMPORTS)
    return function


class SeededGenerators:
    """Seeds the generators of this process for an attempt; a finder of modules while the attempt runs.

    Only the thread of the attempt has its generators put back: meanwhile others may draw from them.

    Parameters
    ----------
    seed : int
        The experiment's.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._thread = threading.get_ident()
        self._importing: set[int] = set()

    def start(self) -> None:
        """Seed them, and notice imports from now on."""
        for generator in _GENERATORS:
            seed = getattr(sys.modules.get(generator.module), generator.seeds, None)
            if seed is not None:
                seed(self._seed)
        if sys.meta_path and type(sys.meta_path[0]) is SeededGenerators:  # its end was interrupted
            del sys.meta_path[0]
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Notice no more imports."""
        if self in sys.meta_path:  # user code may have replaced the list
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the other finders find, with a loader that puts the generators back."""
        if threading.get_ident() in self._importing:
            return None
        for finder in [other for other in sys.meta_path if other is not self]:
            spec = finder.find_spec(name, path, target) if hasattr(finder, "find_spec") else None
            if spec is not None:
                self._prepare(spec.loader)
                return spec
        return None

    def _prepare(self, loader: Any) -> None:
        """Let a loader put the generators back when it has created and when it has executed a module."""
        if loader is None or isinstance(loader, type):  # a folder, or of built-in modules, which draw nothing
            return
        for method in ("create_module", "exec_module"):
            # In the object itself, which is of one module: its class stays as it is, for whoever looks at it.
            if hasattr(loader, method) and not isinstance(getattr(loader, method), _Loading):
                with suppress(AttributeError):  # an object without a dictionary
                    setattr(loader, method, _Loading(self, loader, method))

    @_left_out_of_tracebacks
    def load(self, function: Callable[[Any], Any], argument: Any) -> Any:
        """Call a function of a loader, and put the generators back where this is the outermost import."""
        thread = threading.get_ident()
        if thread in self._importing or self not in sys.meta_path:
            return function(argument)
        self._importing.add(thread)
        before = {each: each.function(each.reads)() for each in _GENERATORS if each.is_loaded()}
        try:
            return function(argument)
        finally:
            self._importing.remove(thread)
            for each in [each for each in _GENERATORS if each.is_loaded()]:
                if each not in before:
                    each.function(each.seeds)(self._seed)
                elif thread == self._thread:
                    each.function(each.writes)(before[each])


class _Loading:
    """A method of a loader while its module is imported."""

    def __init__(self, generators: SeededGenerators, loader: Any, method: str) -> None:
        self._generators, self._loader, self._method = generators, loader, method
        self._original = getattr(loader, method)

    @_left_out_of_tracebacks
    def __call__(self, argument: Any) -> Any:
        if vars(self._loader).get(self._method) is self:
            delattr(self._loader, self._method)
        return self._generators.load(self._original, argument)
