"""Parameters: nested and dotted forms, the canonical text, and the key that identifies a configuration."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from database.errors import ExperimentsError

#: The maximum nesting depth of a parameter's value.
MAX_DEPTH = 50
#: Size of a key in bytes.
KEY_BYTES = 16
#: Arguments of an experiment besides its parameters; no parameter's first part may be one of these.
RESERVED_NAMES = ("seed", "repetition", "run")

#: A key with one of these is in brackets where it could be mistaken for several.
_SPECIAL = re.compile(r'[.\["]')
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**63 - 1
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class ParameterError(ExperimentsError, ValueError):
    """Parameters contradict each other or cannot be stored exactly."""


def flatten(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters by dotted name: ``{"model": {"depth": 2}}`` becomes ``{"model.depth": 2}``.

    An empty mapping and a list are values, not groups.

    Raises
    ------
    ParameterError
        Two spellings give the same name.
    """
    flat: dict[str, Any] = {}
    for path, value in leaves(nested):
        name = ".".join(path)
        if name in flat:
            raise ParameterError(f"the parameter {name!r} is given twice")
        flat[name] = value
    return flat


def flatten_recorded(nested: Any) -> dict[str, Any]:
    """Return recorded parameters or results by dotted name, whatever JSON they are.

    Where names would be equal or empty, keys are in brackets, as in expressions:
    ``{"a.b": 1, "a": {"b": 2}}`` becomes ``{'["a.b"]': 1, "a.b": 2}``. Rows made by hand need not have
    a mapping there: what is none is called ``value``.
    """
    if not isinstance(nested, Mapping):
        return {} if nested is None else {"value": nested}
    if "" not in nested and not any(isinstance(value, dict) for value in nested.values()):
        return dict(nested)  # nearly all results are flat, and there may be many
    found = list(leaves(nested))
    names = [".".join(path) or '[""]' for path, _ in found]
    while len(counts := Counter(names)) < len(names):
        # At the end all are in brackets, and these names are distinct.
        names = [
            _in_brackets(path) if counts[name] > 1 else name
            for name, (path, _) in zip(names, found, strict=True)
        ]
    return {name: value for name, (_, value) in zip(names, found, strict=True)}


def _in_brackets(path: Sequence[str]) -> str:
    name = "".join(
        f"[{json.dumps(part, ensure_ascii=False)}]" if _SPECIAL.search(part) else f".{part}" for part in path
    )
    return name.removeprefix(".")


def leaves(group: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value that is no group, with the keys that lead to it from `above` on."""
    for name, value in group.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*above, name))
        else:
            yield (*above, name), value


def nest(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested parameters: ``{"model.depth": 2}`` becomes ``{"model": {"depth": 2}}``.

    Mappings among the values are joined with the dotted names that lead into them.

    Raises
    ------
    ParameterError
        A name is given twice, is both a value and a group of values, or has an empty part.
    """
    flat = flatten(dotted)
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        group_above = group_that_is_value(name, flat)
        if group_above is not None:
            raise ParameterError(f"{group_above!r} is a value, so {name!r} cannot lie below it")
        *groups, last = name.split(".")
        if not (last and all(groups)):
            raise ParameterError(f"the parameter name {name!r} has an empty part")
        inner = nested
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[last] = value
    return nested


def group_that_is_value(name: str, valued: Mapping[str, Any]) -> str | None:
    """Return the part of a dotted `name` that is itself among the names with a value, if any."""
    end = name.find(".")
    while end != -1:
        if name[:end] in valued:
            return name[:end]
        end = name.find(".", end + 1)
    return None


def canonical(parameters: Any) -> str:
    """Return the text that identifies parameters, or one of their values.

    JSON with sorted keys and shortest floats: ``1``, ``1.0``, ``true`` and ``"1"`` differ, ``-0.0``
    is ``0.0``. It does not depend on the order in which they were written.
    """
    text = _encode(parameters)
    return _encode(_without_negative_zeros(parameters)) if "-0.0" in text else text


def _without_negative_zeros(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_negative_zeros(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_negative_zeros(item) for item in value]
    return 0.0 if isinstance(value, float) and value == 0.0 else value


def key(canonical_text: str) -> bytes:
    """Return the 16-byte digest of parameters, a configuration's identity within its series."""
    return hashlib.blake2b(canonical_text.encode(), digest_size=KEY_BYTES).digest()


def value_problem(value: Any, place: tuple[str | int, ...] = ()) -> tuple[tuple[str | int, ...], str] | None:
    """Return why `value` cannot be a parameter's value, after the keys that lead there; None when it can.

    Parameters are finite, fit 64 bits and nest at most `MAX_DEPTH` levels.
    """
    if value is None or isinstance(value, bool | str):
        return None
    if isinstance(value, int):
        if _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER:
            return None
        return place, "is an integer beyond 64 bits; quote it to make it text"
    if isinstance(value, float):
        if math.isfinite(value):
            return None
        return place, f"is {value}; parameters must be finite: write null, or quote it to make it text"
    if len(place) >= MAX_DEPTH:
        return place, f"nests deeper than {MAX_DEPTH} levels"
    if isinstance(value, Mapping):
        parts: Iterable[tuple[str | int, Any]] = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    else:
        return (
            place,
            f"is of type {type(value).__name__}; parameters are numbers, text, booleans, lists and mappings",
        )
    return next((problem for key, item in parts if (problem := value_problem(item, (*place, key)))), None)
