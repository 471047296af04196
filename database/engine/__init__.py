"""One engine per process and URL: SQLite, PostgreSQL, pools, faults, and the schema."""

from __future__ import annotations

from database.engine.registry import configure, current_url, dispose_engines, get_engine, new_engine

__all__ = ["configure", "current_url", "dispose_engines", "get_engine", "new_engine"]
