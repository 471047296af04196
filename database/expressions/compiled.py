"""Expressions: parsed once, then evaluated in memory or in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from database.expressions import evaluation, parser
from database.expressions.names import KnownNames
from database.expressions.sql import condition_on_experiment
from database.expressions.tree import Condition


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
        values: evaluation.Values = {"parameters": parameters, "results": results, "own": own}
        return evaluation.holds(self.condition, values)

    def to_sql(self, session: Session) -> ColumnElement[bool]:
        """Return it as a condition on `Experiment`, never NULL, for the database of `session`."""
        return condition_on_experiment(self.condition, session.get_bind().dialect.name)


def parse(text: str, names: KnownNames, *, is_recorded: bool = False) -> Expression:
    """Parse an expression and resolve its names.

    Parameters
    ----------
    text : str
    names : KnownNames
    is_recorded : bool
        Recorded by any version of this program, whose words for outcomes are translated.

    Raises
    ------
    ExpressionError
        It is not valid, has an unknown name, or compares `status` or `outcome` with a text that is
        none of their words; the message shows the position.
    """
    return Expression(text, parser.read(text, names, is_recorded=is_recorded))
