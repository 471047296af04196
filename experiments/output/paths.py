"""Paths that can be recorded."""

from __future__ import annotations

from pathlib import Path


def objection_to_path(path: Path) -> str | None:
    """Say why nothing of a project may lie at `path`, or None: databases and JSON keep UTF-8 only."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return f"lies at {str(path)!a}, which is not UTF-8; rename the folder or file"
    return None
