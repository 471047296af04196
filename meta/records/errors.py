"""What can be wrong with a graph or a table that was asked for."""

from __future__ import annotations

from database.errors import ExperimentsError


class GraphError(ExperimentsError, ValueError):
    """A graph cannot be drawn as asked; the message says what to ask for instead."""


class TableError(ExperimentsError, ValueError):
    """A table cannot be made as asked; the message says what to ask for instead."""
