"""SQL functions that expressions need and SQLite lacks; PostgreSQL has them."""

from __future__ import annotations

import json
import sqlite3

from database.expressions.numbers import as_float


def add_to(connection: sqlite3.Connection) -> None:
    """Register these functions with a connection."""
    connection.create_function("experiments_number", 1, _number, deterministic=True)
    connection.create_function("experiments_member", -1, _member, deterministic=True)


def _number(listed: str | None) -> float | None:
    """Return the float nearest to the first number of a JSON list."""
    if listed is None:
        return None
    value: float = json.loads(listed)[0]
    return as_float(value)


def _member(document: str | None, *path: str) -> str | None:
    """Return ``{"v": VALUE}`` with the value at a path of a JSON document, NULL when there is none."""
    if document is None:
        return None
    value = json.loads(document)
    for key in path:
        if not (isinstance(value, dict) and key in value):
            return None
        value = value[key]
    return json.dumps({"v": value})
