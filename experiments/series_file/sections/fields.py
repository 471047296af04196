"""The base of all sections, and the values and short forms that several of them have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from experiments.units import shortened

_CI = re.compile(r"(ci|bca)(\d{1,2}(?:\.\d+)?)", re.ASCII)
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
    if isinstance(text, str) and (match := _CI.fullmatch(text)):
        full["interval"] = match[1]
        if full.get("level") is None:
            full["level"] = float(match[2]) / 100
    return full


def described(value: object) -> str:
    """Return a value for a message; short lists are written out."""
    if isinstance(value, list | tuple) and len(value) <= 4 and not any(map(_nests, value)):
        return f"[{', '.join(map(shortened, value))}]"
    return shortened(value)


def _nests(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple)
