"""Lazy exports of packages: a name is imported when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_exports(package: str, names: Mapping[str, Sequence[str]]) -> tuple[Callable[[str], Any], list[str]]:
    """Make the module-level ``__getattr__`` of a package (PEP 562), and its ``__all__``.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    names : mapping of str to sequence of str
        Module inside the package -> the names that it defines and the package exports.

    Returns
    -------
    callable
        Raises AttributeError for every other name.
    list of str
        All names.
    """
    modules = {name: module for module, exported in names.items() for name in exported}

    def exported(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return exported, sorted(modules)
