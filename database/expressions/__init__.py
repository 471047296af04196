"""The language of `--where` and `where`: parsing, evaluation in memory, and translation to SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from database.expressions.errors import ExpressionError as ExpressionError
    from database.expressions.evaluation import Expression as Expression
    from database.expressions.parser import parse as parse

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "errors": ["ExpressionError"],
        "evaluation": ["Expression"],
        "parser": ["parse"],
    },
)
