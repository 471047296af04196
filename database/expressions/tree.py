"""The syntax tree of an expression: values, and conditions on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

#: The keys that lead to a value; a dot in a key does not split it.
Path = tuple[str, ...]

Source = Literal["own", "parameters", "results"]


@dataclass(frozen=True)
class Constant:
    """A number, text, True, False or None."""

    value: bool | int | float | str | None
    place: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Field:
    """The value of an experiment that a name means; see `names.field_of`."""

    source: Source
    path: Path


@dataclass(frozen=True)
class Arithmetic:
    """An arithmetic operation on two numbers."""

    operator: Literal["+", "-", "*", "/", "//", "%"]
    left: Value
    right: Value


Value = Constant | Field | Arithmetic


@dataclass(frozen=True)
class Comparison:
    """A comparison of two values."""

    operator: Literal["==", "<", "<="]
    left: Value
    right: Value


@dataclass(frozen=True)
class Membership:
    """A test whether a value equals one of several."""

    item: Value
    choices: tuple[Value, ...]


@dataclass(frozen=True)
class Not:
    """The negation of a condition."""

    condition: Condition


@dataclass(frozen=True)
class And:
    """A conjunction of conditions."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    """A disjunction of conditions."""

    conditions: tuple[Condition, ...]


Condition = Comparison | Membership | Not | And | Or
