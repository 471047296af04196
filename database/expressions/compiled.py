"""Expressions: parsed once, their names resolved, then evaluated in memory or in the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from database.expressions import evaluation, parser
from database.expressions.names import Names, field_of, found_at
from database.expressions.tree import (
    And,
    Arithmetic,
    Comparison,
    Condition,
    Field,
    Membership,
    Name,
    Not,
    Or,
    Value,
)
from database.expressions.words import with_words

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Expression:
    """A condition on experiments, its names resolved; `parse` makes one.

    Attributes
    ----------
    text : str
        As written by the user.
    condition : Condition
        The parsed tree.
    fields : mapping of Name to Field
        The field of each name.
    """

    text: str
    condition: Condition
    fields: Mapping[Name, Field]

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
        values = {"parameters": parameters, "results": results, "own": own}

        def lookup(name: Name) -> Any:
            field = self.fields[name]
            return found_at(field.path, values[field.source])

        return evaluation.holds(self.condition, lookup)

    def to_sql(self, session: Session) -> ColumnElement[bool]:
        """Return it as a condition on `Experiment`, never NULL, for the database of `session`."""
        # Evaluation in memory does not need SQLAlchemy.
        from database.expressions.sql import condition_on_experiment  # noqa: PLC0415 - see above

        return condition_on_experiment(self.condition, self.fields, session.get_bind().dialect.name)


def parse(text: str, names: Names, *, is_recorded: bool = False) -> Expression:
    """Parse an expression and resolve its names.

    Parameters
    ----------
    text : str
    names : Names
    is_recorded : bool
        Recorded by any version of this program, whose words for outcomes are translated.

    Raises
    ------
    ExpressionError
        It is not valid, has an unknown name, or compares `status` or `outcome` with a text that is
        none of their words; the message shows the position.
    """
    condition = parser.read(text)
    fields = {name: field_of(name, names, text) for name in names_in(condition)}
    return Expression(text, with_words(condition, fields, text, is_recorded=is_recorded), fields)


def names_in(part: Condition | Value) -> Iterator[Name]:
    """Yield the names of a condition from left to right."""
    match part:
        case Name():
            yield part
        case Arithmetic(_, left, right) | Comparison(_, left, right):
            yield from names_in(left)
            yield from names_in(right)
        case Membership(item, choices):
            for value in (item, *choices):
                yield from names_in(value)
        case Not(inner):
            yield from names_in(inner)
        case And(conditions) | Or(conditions):
            for condition in conditions:
                yield from names_in(condition)
