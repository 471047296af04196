"""Whether an expression holds for values in memory; the meaning that both databases have to match."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from database.expressions.numbers import LARGEST, SMALLEST, as_float, is_exact, is_number, whole
from database.expressions.tree import (
    All,
    Arithmetic,
    Comparison,
    Condition,
    Constant,
    Membership,
    Name,
    Not,
    Some,
    Value,
)

Lookup = Callable[[Name], Any]


def holds(condition: Condition, lookup: Lookup) -> bool:
    """Say whether a condition is true; there is no third answer.

    Parameters
    ----------
    condition : Condition
    lookup : callable
        Returns the value of a name, None when the experiment has none.
    """
    match condition:
        case All(conditions):
            return all(holds(one, lookup) for one in conditions)
        case Some(conditions):
            return any(holds(one, lookup) for one in conditions)
        case Not(inner):
            return not holds(inner, lookup)
        case Membership(item, choices):
            found = value_of(item, lookup)
            return any(_equal(found, value_of(one, lookup)) for one in choices)
        case Comparison(operator, left, right):
            one, other = value_of(left, lookup), value_of(right, lookup)
            return _equal(one, other) if operator == "==" else _ordered(operator, one, other)


def value_of(value: Value, lookup: Lookup) -> Any:
    """Return what a value is for one experiment."""
    match value:
        case Constant(found):
            return found
        case Name():
            return lookup(value)
        case Arithmetic(operator, left, right):
            one = _operand(left, lookup)
            other = _operand(right, lookup)
            return None if one is None or other is None else _computed(operator, one, other)


def _equal(one: Any, other: Any) -> bool:
    if is_number(one) and is_number(other):
        return bool(one == other) if is_exact(one) and is_exact(other) else as_float(one) == as_float(other)
    if one is None or isinstance(one, bool | str):
        return type(one) is type(other) and bool(one == other)
    return False


def _ordered(operator: str, one: Any, other: Any) -> bool:
    if is_number(one) and is_number(other):
        if not (is_exact(one) and is_exact(other)):
            one, other = as_float(one), as_float(other)
    elif not (isinstance(one, str) and isinstance(other, str)):
        return False
    return bool(one < other if operator == "<" else one <= other)


def _operand(value: Value, lookup: Lookup) -> float | None:
    found = value_of(value, lookup)
    if not is_number(found):
        return None
    number = as_float(found)
    # What was computed stays in bounds by itself: see `parser.MAX_OPERANDS`.
    usable = isinstance(value, Arithmetic) or number == 0 or SMALLEST <= abs(number) <= LARGEST
    return number if usable else None


def _computed(operator: str, one: float, other: float) -> float | None:
    match operator:
        case "+":
            return one + other
        case "-":
            return one - other
        case "*":
            return one * other
        case "/":
            return one / other if other else None
    first, second = whole(one), whole(other)
    if first is None or not second:
        return None
    return float(first // second if operator == "//" else first % second)
