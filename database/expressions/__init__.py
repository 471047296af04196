"""The language of `--where` and `where`: parsing, evaluation in memory, and translation to SQL."""

from database.expressions.errors import ExpressionError
from database.expressions.evaluation import Expression
from database.expressions.parser import parse

__all__ = ["Expression", "ExpressionError", "parse"]
