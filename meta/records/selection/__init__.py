"""Choosing the records of some experiments of a series, or of some series."""
