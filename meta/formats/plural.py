"""Counts in sentences."""

from __future__ import annotations


def many(count: int, noun: str) -> str:
    """Return a count with what is counted: ``1 reading``, ``1,000 readings``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
