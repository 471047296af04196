"""The words that `status` and `outcome` may be compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from database.expressions.errors import ExpressionError
from database.expressions.tree import (
    And,
    Comparison,
    Condition,
    Constant,
    Field,
    Membership,
    Name,
    Not,
    Or,
    Value,
)
from database.models import ExperimentStatus, Outcome
from database.models.outcome import EARLIER_WORDS
from database.suggestions import suggestion

#: As users see them: claimed experiments are pending, and released attempts are hidden.
_WORDS = {
    "status": [status.value for status in ExperimentStatus if status is not ExperimentStatus.CLAIMED],
    "outcome": [outcome.value for outcome in Outcome if outcome is not Outcome.RELEASED],
}


def with_words(
    condition: Condition, fields: Mapping[Name, Field], text: str, *, is_recorded: bool
) -> Condition:
    """Return a condition whose words are the current ones.

    Parameters
    ----------
    condition : Condition
    fields : mapping of Name to Field
        The field of each name.
    text : str
        The expression.
    is_recorded : bool
        Written by any version of this program: its words are translated, and unknown ones never match.

    Raises
    ------
    ExpressionError
        It compares `status` or `outcome` with a text that it never has.
    """

    def word(value: Value, other: Value) -> Value:
        """Return a value that is compared with another one."""
        if not (isinstance(other, Name) and isinstance(value, Constant) and isinstance(value.value, str)):
            return value
        field = fields[other]
        words = _WORDS.get(field.path[0], []) if field.source == "own" else []
        if not words or value.value in words:
            return value
        meant = EARLIER_WORDS.get(value.value) if field.path[0] == "outcome" else None
        if is_recorded:
            return value if meant is None else replace(value, value=meant.value)
        listed = suggestion(meant or value.value, words, kind=field.path[0])
        raise ExpressionError(f"{field.path[0]} is never {value.value!r}; {listed}", text, value.place)

    def walk(part: Condition) -> Condition:
        match part:
            case And(conditions):
                return And(tuple(map(walk, conditions)))
            case Or(conditions):
                return Or(tuple(map(walk, conditions)))
            case Not(inner):
                return Not(walk(inner))
            case Comparison("==", left, right):
                return Comparison("==", word(left, right), word(right, left))
            case Membership(Constant() as item, choices) if any(isinstance(name, Name) for name in choices):
                return Or(tuple(walk(Comparison("==", item, choice)) for choice in choices))
            case Membership(item, choices):
                return Membership(item, tuple(word(choice, item) for choice in choices))
        return part

    return walk(condition)
