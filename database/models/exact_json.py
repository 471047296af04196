"""The exact storage of results and parameters in JSON columns, the same on both databases.

JSON cannot represent NaN and the infinities, and both databases lose or refuse them: they are
stored as ``{"$float": "nan"}``. A user's key that begins with ``$`` gets a second one, so that
no user's value can be mistaken for these. A value that cannot be stored exactly is refused with an
`InvalidValueError` that names the place and the type; nothing is dropped or rounded silently.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from database.errors import InvalidValueError

#: Decimal digits an integer may have; what Python itself reads back.
MAX_INTEGER_DIGITS = 4300
_TOO_LARGE = 10**MAX_INTEGER_DIGITS
#: How deep lists and mappings may nest.
MAX_DEPTH = 64
#: Size of one experiment's results, encoded.
MAX_ENCODED_BYTES = 16 * 1024 * 1024

_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_plain(value: Any, name: str = "value") -> Any:
    """Return `value` in the types JSON has, or raise an error that explains why this is impossible.

    Parameters
    ----------
    value : object
        None, bool, int, float, str, numpy scalars, and lists, tuples and mappings of these.
    name : str
        The name of the value in errors, such as ``result``.

    Raises
    ------
    InvalidValueError
        The message names the place, such as ``result['model']``, and the type found there.
    """
    return _to_plain(value, name, 0)


def _to_plain(value: Any, path: str, depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": str(value)}
    if kind is int:
        if not -_TOO_LARGE < value < _TOO_LARGE:
            raise InvalidValueError(f"{path} is an integer of more than {MAX_INTEGER_DIGITS} digits")
        return value
    if kind is str:
        return _checked_text(value, path)
    if depth >= MAX_DEPTH:
        raise InvalidValueError(f"{path} nests deeper than {MAX_DEPTH} levels (or contains itself)")
    if kind is list or kind is tuple:
        return [_to_plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        plain = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidValueError(f"{path} has the key {key!r} of type {_kind(key)}; keys must be text")
            name = _checked_text(str(key), f"a key of {path}")
            plain[f"${name}" if name.startswith("$") else name] = _to_plain(
                item, f"{path}[{key!r}]", depth + 1
            )
        return plain
    return _foreign_to_plain(value, path, depth)


def _foreign_to_plain(value: Any, path: str, depth: int) -> Any:
    """Convert numpy scalars, subclasses of the plain types, and 0-d arrays; refuse the rest."""
    for plain_type in (bool, int, float, str):
        if isinstance(value, plain_type):
            return _to_plain(plain_type(value), path, depth)
    if isinstance(value, list | tuple):
        return _to_plain(list(value), path, depth)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:  # numpy and torch scalars
        plain = item()
        if type(plain) in {bool, int, float, str}:
            return _to_plain(plain, path, depth)
    raise InvalidValueError(
        f"{path} is of type {_kind(value)}, which cannot be stored; "
        "return numbers, text, booleans, None, and lists or mappings of these"
    )


def _checked_text(text: str, path: str) -> str:
    if text.isascii():
        if "\0" in text:
            raise InvalidValueError(f"{path} contains a NUL character, which databases cannot store")
        return text
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidValueError(f"{path} contains a NUL or a lone surrogate, which databases cannot store")
    return text


def _kind(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def from_plain(value: Any) -> Any:
    """Undo `to_plain`; tuples become lists."""
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and "$float" in value:
            return _FLOATS[value["$float"]]
        return {
            (key[1:] if key.startswith("$") else key): (
                from_plain(item) if isinstance(item, dict | list) else item
            )
            for key, item in value.items()
        }
    return value


def encode(value: Any, name: str = "value") -> str:
    """Return the JSON text of `value`, as the JSON columns hold it.

    Raises
    ------
    InvalidValueError
        Also when the text is longer than `MAX_ENCODED_BYTES`.
    """
    text = json.dumps(to_plain(value, name), allow_nan=False, separators=(",", ":"))
    if len(text) > MAX_ENCODED_BYTES:
        raise InvalidValueError(
            f"{name} takes {len(text) / 1e6:.0f} MB encoded, more than the limit of "
            f"{MAX_ENCODED_BYTES // 2**20} MiB; write large data to a file in run.directory"
        )
    return text


def decode(text: str) -> Any:
    """Return the value that `encode` was given."""
    return from_plain(json.loads(text))


def storable_text(text: str) -> str:
    """Return `text` with what databases cannot store (NUL, lone surrogates) replaced by U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
