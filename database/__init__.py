"""The one ORM model package and everything that knows SQL: engines, sessions, the claim protocol, queries."""

from __future__ import annotations

from pathlib import Path


def package_folder() -> Path:
    """Return the folder of this package, from which all paths of its files are built."""
    return Path(__file__).parent
