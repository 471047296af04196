"""Expressions, evaluated in memory or in the database: the former is the reference for the latter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from database.expressions.names import found_at
from database.expressions.numbers import LARGEST, SMALLEST, as_float, is_exact, is_number, whole
from database.expressions.sql import condition_on_experiment
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
_Values = Mapping[Source, Mapping[str, Any] | None]


@dataclass(frozen=True)
class Expression:
    """A condition on experiments, its names resolved; `parse` makes one.

    Attributes
    ----------
    text : str
        As written by the user.
    condition : Condition
        The parsed tree.
    """

    text: str
    condition: Condition

    def holds(
        self,
        parameters: Mapping[str, Any],
        results: Mapping[str, Any] | None = None,
        own: Mapping[str, Any] | None = None,
    ) -> bool:
        """Return whether it is true of an experiment with these values.

        Parameters
        ----------
        parameters : mapping
            Nested.
        results : mapping or None
            Nested; None when there are none.
        own : mapping, optional
            Its values of the fields in `database.expressions.names.OWN_NAMES`.
        """
        return _holds(self.condition, {"parameters": parameters, "results": results, "own": own})

    def to_sql(self, session: Session) -> ColumnElement[bool]:
        """Return it as a condition on `Experiment`, never NULL, for the database of `session`."""
        return condition_on_experiment(self.condition, session.get_bind().dialect.name)


def _holds(condition: Condition, values: _Values) -> bool:
    """Return whether a condition is true; never None, unlike NULL in SQL."""
    match condition:
        case And(conditions):
            return all(_holds(part, values) for part in conditions)
        case Or(conditions):
            return any(_holds(part, values) for part in conditions)
        case Not(inner):
            return not _holds(inner, values)
        case Membership(item, choices):
            wanted = _value_of(item, values)
            return any(_equal(wanted, _value_of(choice, values)) for choice in choices)
        case Comparison(operator, left_side, right_side):
            left, right = _value_of(left_side, values), _value_of(right_side, values)
            return _equal(left, right) if operator == "==" else _ordered(operator, left, right)


def _value_of(value: Value, values: _Values) -> Any:
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


def _operand(value: Value, values: _Values) -> float | None:
    operand = _value_of(value, values)
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
