"""The base of all sections, and the values and short forms that several of them have."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from experiments.units import shortened

#: An interval with its level; quantiles have one too, but theirs is another share.
_WITH_LEVEL = re.compile(r"(ci|t|percentile|expanded|bca|exact)(\d{1,2}(?:\.\d+)?)", re.ASCII)
#: A lower and an upper end; None where there is none.
Ends = tuple[float | None, float | None]
#: Text that is not empty.
Text = Annotated[StrictStr, Field(min_length=1)]


class Section(BaseModel):
    """Refuses unknown keys, and is immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def names(value: object) -> object:
    """Return a list of names, of parameters or of formats; one may be written alone."""
    return [value] if isinstance(value, str) else value


def where(value: object) -> object:
    """Return an expression, or values of parameters."""
    if value is None or isinstance(value, str | dict):
        return value
    raise ValueError("must be an expression, such as 'lr > 0.01', or a mapping of parameters")


def level(value: object) -> object:
    """Return the level of an interval."""
    if isinstance(value, float) and 0 < value < 1:
        return value
    raise ValueError(f"must be a number between 0 and 1, such as 0.95, not {described(value)}")


def order(value: object) -> object:
    """Return the values that come first, by parameter."""
    if not isinstance(value, Mapping):
        raise ValueError(
            f"must be a list of values, or a mapping of parameters to lists, not {described(value)}"
        )
    for name, values in value.items():
        if not isinstance(values, list | tuple) or not values:
            raise ValueError(f"of {name!r} must be a list of its values, not {described(values)}")
    return value


def interval(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a graph or table with an interval such as ``ci95`` written as `interval` and `level`."""
    full = dict(given)
    text = full.get("interval")
    if isinstance(text, str) and (match := _WITH_LEVEL.fullmatch(text)):
        full["interval"] = match[1]
        if full.get("level") is None:
            full["level"] = float(f"{match[2]}e-2")  # 99.9 / 100 is not 0.999
    return full


def described(value: object) -> str:
    """Return a value for a message; short lists are written out, as in YAML where nothing is in them."""
    if isinstance(value, list | tuple) and len(value) <= 4 and not any(map(_nests, value)):
        return f"[{', '.join('null' if one is None else shortened(one) for one in value)}]"
    return shortened(value)


def is_number(value: object) -> bool:
    """Return whether a value is a finite number, which true and false are not."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) <= sys.float_info.max  # whole numbers of a mapping may be larger


def bounds(value: object) -> object:
    """Return the least and the largest possible value of a result."""
    if isinstance(value, list | tuple) and len(value) == 2 and any(end is not None for end in value):
        low, high = value
        if all(end is None or is_number(end) for end in value) and (None in value or low < high):
            return tuple(None if end is None else float(end) for end in value)
    raise ValueError(
        "must be the least and the largest possible value, such as [0, 1] or [0, null], "
        f"not {described(value)}"
    )


def count_or_name(value: object) -> object:
    """Return a count, or the name of a parameter or result."""
    if is_number(value) and isinstance(value, int | float) and value > 0:
        return float(value)
    if isinstance(value, str) and value:
        return value
    raise ValueError(
        f"must be a number above 0, or the name of a parameter or result, not {described(value)}"
    )


def both_counts(data: object) -> object:
    """Refuse a single number: that of a test set alone is easily taken for the ratio of both."""
    if is_number(data):
        raise ValueError(
            "must be how much is tested on and trained on, such as {test: 45, train: 105}, not "
            f"{described(data)}: a test_size of 0.3 is {{test: 0.3, train: 0.7}}"
        )
    return data


def reference(value: object) -> object:
    """Return what 0 or 1 of a normalised score is."""
    if is_number(value) or (isinstance(value, str) and value):
        return value
    if isinstance(value, Mapping) and value and all(map(is_number, value.values())):
        return value
    raise ValueError(
        "must be a number, the name of a result or parameter, or a mapping of the tasks to numbers, "
        f"not {described(value)}"
    )


def _nests(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple)
