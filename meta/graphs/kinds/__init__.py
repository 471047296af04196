"""One file per kind of graph: its numbers and how it is drawn."""
