"""What can be wrong with a graph that was asked for."""

from __future__ import annotations

from database.errors import ExperimentsError


class GraphError(ExperimentsError, ValueError):
    """A graph cannot be drawn as asked; the message says what to ask for instead."""
