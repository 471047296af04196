"""What can be wrong with a table that was asked for."""

from __future__ import annotations

from database.errors import ExperimentsError


class TableError(ExperimentsError, ValueError):
    """A table cannot be made as asked; the message says what to ask for instead."""
