"""Strict YAML with positions, and the errors that name them."""
