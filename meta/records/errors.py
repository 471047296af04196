"""The errors of graphs and tables that cannot be made."""

from __future__ import annotations

from database.errors import ExperimentsError


class GraphError(ExperimentsError, ValueError):
    """A graph cannot be drawn as requested; the message names the remedy."""


class TableError(ExperimentsError, ValueError):
    """A table cannot be made as requested; the message names the remedy."""
