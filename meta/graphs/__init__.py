"""Aggregate graphs: from the records of a series to figures, one file per kind of graph."""
