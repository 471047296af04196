"""The language of `--where` and `where`: parsing, evaluation in memory, and translation to SQL."""

from database.expressions.compiled import Expression, parse
from database.expressions.errors import ExpressionError

__all__ = ["Expression", "ExpressionError", "parse"]
