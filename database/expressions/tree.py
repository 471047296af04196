"""What an expression consists of once it is read: values, and conditions on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

#: The keys that lead to a value, each of them one key whatever it contains.
Path = tuple[str, ...]

Source = Literal["own", "parameters", "results"]


@dataclass(frozen=True)
class Constant:
    """A number, text, True, False or None."""

    value: bool | int | float | str | None


@dataclass(frozen=True)
class Name:
    """A name as it was written; which value it means is decided by what names there are."""

    path: Path
    place: int = field(compare=False)


@dataclass(frozen=True)
class Field:
    """Which value of an experiment a name means."""

    source: Source
    path: Path


@dataclass(frozen=True)
class Arithmetic:
    """Two numbers and what is computed of them."""

    operator: Literal["+", "-", "*", "/", "//", "%"]
    left: Value
    right: Value


Value = Constant | Name | Arithmetic


@dataclass(frozen=True)
class Comparison:
    """Whether two values are equal, or in order."""

    operator: Literal["==", "<", "<="]
    left: Value
    right: Value


@dataclass(frozen=True)
class Membership:
    """Whether a value equals one of several."""

    item: Value
    choices: tuple[Value, ...]


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    condition: Condition


@dataclass(frozen=True)
class All:
    """Whether all of these are true."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Some:
    """Whether any of these is true."""

    conditions: tuple[Condition, ...]


Condition = Comparison | Membership | Not | All | Some
