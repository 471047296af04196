"""Paths that can be recorded."""

from __future__ import annotations

from pathlib import Path


def path_problem(path: Path) -> str | None:
    """Return why `path` cannot be recorded, or None when it can: databases and JSON keep UTF-8 only."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return f"lies at {str(path)!a}, which is not UTF-8; rename the folder or file"
    return None
