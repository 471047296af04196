"""The language of `--where` and `where`: parsing, evaluation in memory, and translation to SQL."""

from database.expressions.errors import ExpressionError
from database.expressions.expression import Expression, parse

__all__ = ["Expression", "ExpressionError", "parse"]
