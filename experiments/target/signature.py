"""The signature of a function as plain data that crosses process borders, and its match with parameters."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from database.suggestions import suggestion
from experiments.parameters import RESERVED_NAMES
from experiments.target.base import Mismatch, TargetError

_UNUSABLE = (
    (inspect.iscoroutinefunction, "a coroutine function; return asyncio.run(...) from a plain one"),
    (inspect.isasyncgenfunction, "an asynchronous generator; return a mapping of results instead"),
    (inspect.isgeneratorfunction, "a generator; log with run.log(...) and return a mapping of results"),
)


@dataclass(frozen=True)
class Argument:
    """One argument of a target."""

    name: str
    required: bool
    positional_only: bool = False


@dataclass(frozen=True)
class Signature:
    """The arguments that a target accepts.

    Attributes
    ----------
    arguments : tuple of Argument
        In the target's order.
    accepts_any : bool
        Whether it takes ``**kwargs`` (or has no signature).
    file : str or None
        Where it is defined.
    line : int or None
        The line there, from 1.
    """

    arguments: tuple[Argument, ...]
    accepts_any: bool
    file: str | None = None
    line: int | None = None

    @property
    def wants(self) -> frozenset[str]:
        """Which of `seed`, `repetition` and `run` it takes by name; ``**kwargs`` requests none of them."""
        names = frozenset(argument.name for argument in self.arguments if not argument.positional_only)
        return names.intersection(RESERVED_NAMES)

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Signature:
        """Return the signature that `dataclasses.asdict` turned into plain data."""
        return cls(**{**data, "arguments": tuple(Argument(**argument) for argument in data["arguments"])})


def describe(function: Callable[..., Any], name: str) -> Signature:
    """Return the signature of a loaded target.

    Raises
    ------
    TargetError
        Calling it would not run it: a coroutine function or a generator.
    """
    plain = inspect.unwrap(function)
    while isinstance(plain, functools.partial):
        plain = inspect.unwrap(plain.func)
    for is_unusable, reason in _UNUSABLE:
        if is_unusable(plain) or is_unusable(getattr(plain, "__call__", None)):  # noqa: B004 - inspected, not called
            raise TargetError(f"{name} is {reason}")
    code = getattr(plain, "__code__", None)
    file, line = (code.co_filename, code.co_firstlineno) if code else (None, None)
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # some functions written in C have no signature
        return Signature((), True, file, line)
    arguments = tuple(
        Argument(
            parameter.name,
            parameter.default is parameter.empty,
            parameter.kind is parameter.POSITIONAL_ONLY,
        )
        for parameter in parameters
        if parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    )
    return Signature(arguments, any(p.kind is p.VAR_KEYWORD for p in parameters), file, line)


def check_signature(signature: Signature, parameter_names: Sequence[str]) -> list[Mismatch]:
    """Return what does not fit between a target and the parameters of its series.

    Parameters
    ----------
    signature : Signature
        The target's.
    parameter_names : sequence of str
        Dotted; the target receives them grouped by their first part.
    """
    usable = [argument.name for argument in signature.arguments if not argument.positional_only]
    given = {name.split(".")[0]: name for name in reversed(parameter_names)}
    where = f" ({signature.file}:{signature.line})" if signature.file else ""
    mismatches = [
        Mismatch(
            f"the argument {argument.name!r} of the function{where} is positional-only, and parameters "
            "are given by name; remove the / from its signature"
        )
        for argument in signature.arguments
        if argument.positional_only
    ]
    if not signature.accepts_any:
        choices = [name for name in usable if name not in RESERVED_NAMES]
        for argument in dict.fromkeys(name.split(".")[0] for name in parameter_names):
            if argument not in usable:
                hint = suggestion(argument, choices, kind="it takes")
                mismatches.append(
                    Mismatch(f"the function{where} does not take {argument!r}; {hint}", given[argument])
                )
    missing = [
        argument.name
        for argument in signature.arguments
        if argument.required
        and not argument.positional_only
        and argument.name not in {*given, *RESERVED_NAMES}
    ]
    if missing:
        names = ", ".join(repr(name) for name in missing)
        mismatches.append(Mismatch(f"the function{where} needs {names}, which the series does not give"))
    return mismatches
