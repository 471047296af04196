"""The small language of `--where` and `where`: read, named, and asked of Python values or of the database."""

from database.expressions.errors import ExpressionError
from database.expressions.expression import Expression, parse

__all__ = ["Expression", "ExpressionError", "parse"]
