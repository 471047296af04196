"""Values of other types than JSON's, replaced by the plain values that stand for them exactly.

The types decide, not what an object says of its class; methods of the plain types are used, not those of
subclasses, which may return something else. Libraries are not imported: a value of theirs exists only when
somebody has imported them.
"""

from __future__ import annotations

import math
import os
import sys
from datetime import date
from enum import Enum
from pathlib import PurePath
from typing import Any

from database.errors import InvalidValueError

#: The number of values up to which an array is stored, as a list.
MAX_ARRAY_VALUES = 10_000
#: The end of the message that a type cannot be stored.
ADVICE = "; return numbers, text, booleans, None, dates, and lists, arrays or mappings of these"

#: The kinds of numpy's types whose values are bool, int, float, text, times or any object.
_NUMPY_KINDS = "biufUTMO"
_PANDAS_ARRAYS = (("pandas", "Series"), ("pandas", "Index"), ("pandas.api.extensions", "ExtensionArray"))
_SCALARS = frozenset({bool, int, float, str})


def plain_equivalent(value: Any, path: str) -> Any:
    """Return the plain value, or the list of values of any type, that stands for `value`.

    Parameters
    ----------
    value : object
        Neither of a plain type itself nor a mapping.
    path : str
        Its place, for the message.

    Raises
    ------
    InvalidValueError
        There is none.
    """
    kind = type(value)
    if issubclass(kind, Enum):
        return value.value
    if issubclass(kind, float):
        return float.__float__(value)
    if issubclass(kind, int):
        return int.__int__(value)
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, (list, tuple)):
        return list(value)
    if issubclass(kind, (library_class("numpy", "generic"), library_class("numpy", "ndarray"))):
        return _numpy_equivalent(value, path)
    if _is_pandas_missing(value):
        return None
    if issubclass(kind, date):
        return value.isoformat()
    if issubclass(kind, PurePath):
        return os.fspath(value)
    if issubclass(kind, tuple(library_class(*place) for place in _PANDAS_ARRAYS)):
        _check_size(value.shape, path)
        return list(value)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:  # scalars of torch and others
        return _scalar(item(), value, path)
    raise _wrong_type(path, type_name(value))


def _numpy_equivalent(value: Any, path: str) -> Any:
    kind = value.dtype.kind
    if kind not in _NUMPY_KINDS:
        raise _wrong_type(path, type_name(value) + (f" of {value.dtype}" if value.ndim else ""))
    is_masked = issubclass(type(value), library_class("numpy.ma", "MaskedArray"))
    if value.ndim:
        _check_size(value.shape, path)
        # Of a masked array tolist() has None, of times in nanoseconds integers.
        return list(value) if is_masked or kind == "M" else value.tolist()
    if is_masked and value.mask:
        return math.nan
    if kind == "M":
        text = str(value[()])
        return None if text == "NaT" else text
    return value.item() if kind == "O" else _scalar(value.item(), value, path)


def _scalar(item: Any, value: object, path: str) -> Any:
    """Return what item() of `value` has returned, unless it is of no plain type, as a number of 80 bits."""
    if type(item) not in _SCALARS:
        raise _wrong_type(path, type_name(value))
    return item


def _check_size(shape: tuple[int, ...], path: str) -> None:
    # An empty list per row of an array without columns takes memory too.
    if math.prod(length or 1 for length in shape) > MAX_ARRAY_VALUES:
        size = " x ".join(f"{length:,}" for length in shape)
        raise InvalidValueError(
            f"{path} is an array of {size} values; only one of at most {MAX_ARRAY_VALUES:,} is stored, as a "
            "list; write large data to a file in run.directory"
        )


class _Never:
    """Nothing is an instance of it."""


def library_class(module: str, name: str) -> type:
    """Return a class of a library, or one without instances when nobody has imported the library."""
    found = getattr(sys.modules.get(module), name, None)
    return found if isinstance(found, type) else _Never


def _is_pandas_missing(value: object) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and (
        value is getattr(pandas, "NA", pandas) or value is getattr(pandas, "NaT", pandas)
    )


def _wrong_type(path: str, kind: str) -> InvalidValueError:
    return InvalidValueError(f"{path} is of type {kind}, which cannot be stored{ADVICE}")


def type_name(value: object) -> str:
    """Return the name of a value's type, with its module unless it is a built-in one."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
