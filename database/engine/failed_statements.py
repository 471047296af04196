"""Errors of failed statements without the values in them, which may be secret.

SQLAlchemy hides the parameters. A PostgreSQL server repeats parts of the statement (``LINE 1:``) and of rows
(``DETAIL:``) below its message, and quotes a value of the wrong type in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.exc import StatementError

from database.redaction import secret_values

_QUOTED_LITERAL = re.compile(r"'(?:[^']|'')*'?")
_DOLLAR_QUOTE = re.compile(r"\$\w*\$")
_QUOTED_VALUE = re.compile(r'"(?:[^"]|"")*"')
#: The SQLSTATEs of values that do not fit a type.
_OF_VALUES = "22"


def watch(engine: Engine) -> None:
    """Take values and what is secret in the URL out of each error on `engine`, wherever it is shown later."""
    secrets = secret_values(engine.url.query, engine.url.password)

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> None:
        error = context.sqlalchemy_exception or context.original_exception
        hide_values(error)
        for each in (error, context.original_exception):
            for secret in secrets:
                each.args = tuple(
                    part.replace(secret, "***") if isinstance(part, str) else part for part in each.args
                )


def hide_values(error: BaseException) -> None:
    """Take the values of statements out of an error, and out of those that led to it."""
    for each in list(_chain(error)):
        _hide_values(each)


def without_literals(statement: str) -> str:
    """Return a statement without its quoted literals: values belong in parameters, and may be secret."""
    if "\\" in statement or _DOLLAR_QUOTE.search(statement):  # where a literal ends is not known
        return re.sub(r"['$].*", "'…'", statement, count=1, flags=re.DOTALL)
    return _QUOTED_LITERAL.sub("'…'", statement)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what it wraps, its causes and the members of its groups, each once."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop()
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [getattr(each, "orig", None), each.__cause__, each.__context__]
            waiting += each.exceptions if isinstance(each, BaseExceptionGroup) else ()


def _hide_values(error: BaseException) -> None:
    if isinstance(error, StatementError):
        error.hide_parameters = True
        if error.statement is not None:
            error.statement = without_literals(error.statement)
    driver = error.orig if isinstance(error, StatementError) else error
    primary = getattr(getattr(driver, "diag", None), "message_primary", None)
    if primary is None or not error.args:
        return  # no answer of a PostgreSQL server
    shown = str(primary)
    if str(getattr(driver, "sqlstate", None) or getattr(driver, "pgcode", "")).startswith(_OF_VALUES):
        shown = _QUOTED_VALUE.sub('"…"', shown)
    # The class that SQLAlchemy puts before the message stays.
    before = re.match(r"\(\w+(?:\.\w+)+\) ", str(error.args[0])) if driver is not error else None
    error.args = (f"{before[0] if before else ''}{shown}", *error.args[1:])
