"""One engine per process and URL: SQLite, PostgreSQL, pools, faults, and the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from database.engine.registry import configure, current_url, dispose_engines, get_engine, new_engine

__all__ = ["configure", "current_url", "dispose_engines", "get_engine", "new_engine"]

__getattr__ = lazy_exports(
    __name__,
    {
        "configure": "registry",
        "current_url": "registry",
        "dispose_engines": "registry",
        "get_engine": "registry",
        "new_engine": "registry",
    },
)
