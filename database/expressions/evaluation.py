"""Evaluation of an expression in memory: the reference for its translation to SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from database.expressions.names import found_at
from database.expressions.numbers import LARGEST, SMALLEST, as_float, is_exact, is_number, whole
from database.expressions.tree import (
    And,
    Arithmetic,
    Comparison,
    Condition,
    Constant,
    Field,
    Membership,
    Not,
    Or,
    Source,
    Value,
)

#: What an experiment has, nested, by where it is from.
Values = Mapping[Source, Mapping[str, Any] | None]


def holds(condition: Condition, values: Values) -> bool:
    """Return whether a condition is true; never None, unlike NULL in SQL.

    Parameters
    ----------
    condition : Condition
    values : mapping of str to mapping or None
        What the experiment has.
    """
    match condition:
        case And(conditions):
            return all(holds(part, values) for part in conditions)
        case Or(conditions):
            return any(holds(part, values) for part in conditions)
        case Not(inner):
            return not holds(inner, values)
        case Membership(item, choices):
            wanted = value_of(item, values)
            return any(_equal(wanted, value_of(choice, values)) for choice in choices)
        case Comparison(operator, left_side, right_side):
            left, right = value_of(left_side, values), value_of(right_side, values)
            return _equal(left, right) if operator == "==" else _ordered(operator, left, right)


def value_of(value: Value, values: Values) -> Any:
    """Return the value for one experiment."""
    match value:
        case Constant(constant):
            return constant
        case Field(source, path):
            return found_at(path, values[source])
        case Arithmetic(operator, left_side, right_side):
            left = _operand(left_side, values)
            right = _operand(right_side, values)
            return None if left is None or right is None else _compute(operator, left, right)


def _equal(left: Any, right: Any) -> bool:
    if is_number(left) and is_number(right):
        return (
            bool(left == right) if is_exact(left) and is_exact(right) else as_float(left) == as_float(right)
        )
    if left is None or isinstance(left, bool | str):
        return type(left) is type(right) and bool(left == right)
    return False


def _ordered(operator: str, left: Any, right: Any) -> bool:
    if is_number(left) and is_number(right):
        if not (is_exact(left) and is_exact(right)):
            left, right = as_float(left), as_float(right)
    elif not (isinstance(left, str) and isinstance(right, str)):
        return False
    return bool(left < right if operator == "<" else left <= right)


def _operand(value: Value, values: Values) -> float | None:
    operand = value_of(value, values)
    if not is_number(operand):
        return None
    number = as_float(operand)
    # This keeps computed numbers in bounds: see `parser.MAX_OPERANDS`.
    usable = isinstance(value, Arithmetic) or number == 0 or SMALLEST <= abs(number) <= LARGEST
    return number if usable else None


def _compute(operator: str, left: float, right: float) -> float | None:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right if right else None
    dividend, divisor = whole(left), whole(right)
    if dividend is None or not divisor:
        return None
    return float(dividend // divisor if operator == "//" else dividend % divisor)
