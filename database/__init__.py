"""The one ORM model package and everything that knows SQL: engines, sessions, the claim protocol, queries."""

from __future__ import annotations

from pathlib import Path


def package_folder() -> Path:
    """Tell where this package lies: the one place from which paths of its files are found."""
    return Path(__file__).parent
