"""The error of a series whose name, or folder, another series has, whichever way it is written.

The databases speak of a constraint. Of a new series whose name is taken the folder, which is its name by
default, is taken too, and SQLite names that one.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from typing import Any

from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.exc import IntegrityError

from database.errors import ExperimentsError
from database.names import PATTERN

#: SQLite names the columns, PostgreSQL its constraint, and the value in a sentence of its language.
_SQLITE = re.compile(r"UNIQUE constraint failed: experiment_series\.(?:name|folder)")
_CONSTRAINTS = frozenset({"uq_experiment_series_name", "uq_experiment_series_folder"})
_VALUE = re.compile(r"\((?:name|folder)\)=\((.*)\)", re.DOTALL)


class NameTakenError(ExperimentsError, IntegrityError):
    """The name of a series is that of another series.

    Parameters
    ----------
    message : str
    original : Exception, optional
        The driver's error.
    """

    code = ""  # otherwise SQLAlchemy adds the address of a page about constraints

    def __init__(self, message: str, original: BaseException | None = None) -> None:
        super().__init__(None, None, original or Exception(message))
        self.args = (message,)

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return type(self), (str(self),)


def watch(engine: Engine) -> None:
    """Raise `NameTakenError` in place of an integrity error about names of series, on `engine`."""

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> NameTakenError | None:
        original = context.original_exception
        if isinstance(original, sqlite3.IntegrityError):
            taken = _on_sqlite(context, original) if _SQLITE.match(str(original)) else None
        else:
            taken = _on_postgresql(getattr(original, "diag", None))
        return None if taken is None else NameTakenError(_sentence(taken), original)


def name_taken(name: str) -> str:
    """Return the end of a message about a name that another series has."""
    return f"there is another series {name}; `experiments status {name}` shows it. Choose another name"


def _sentence(name: str) -> str:
    if not re.fullmatch(PATTERN, name):  # as a series file may name one; other values may be secret
        return "a series cannot have the name, or the folder, of another series; choose another name"
    return f"a series cannot be called {name}: {name_taken(name)}, or change that series"


def _on_postgresql(diagnosis: Any) -> str | None:
    """Return the name; empty if the server hides it."""
    if diagnosis is None or diagnosis.constraint_name not in _CONSTRAINTS:
        return None
    value = _VALUE.search(diagnosis.message_detail or "")
    return value[1] if value else ""


def _on_sqlite(context: ExceptionContext, error: sqlite3.IntegrityError) -> str:
    """Return the name in the statement that is taken, or given twice; empty if it has none."""
    rows = getattr(context.execution_context, "compiled_parameters", None) or []
    column = str(error).rpartition(".")[2]
    wanted = [str(row.get(column, row.get("name"))) for row in rows if column in row or "name" in row]
    driver: Any = context.connection.connection.driver_connection  # type: ignore[union-attr]  # there is one
    # Of rows inserted one after another, those before the refused one exist now.
    for value in reversed(wanted):
        if driver.execute(f"SELECT 1 FROM experiment_series WHERE {column} = ?", (value,)).fetchone():
            return value
    [(value, count)] = Counter(wanted).most_common(1) or [("", 0)]
    return value if count > 1 else ""
