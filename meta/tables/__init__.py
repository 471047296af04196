"""Tables of whole series: records in, numbers with intervals and comparisons in between, texts out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from meta.tables.generate import TableResult, generate_all_tables

__all__ = ["TableResult", "generate_all_tables"]

__getattr__ = lazy_exports(__name__, {"TableResult": "generate", "generate_all_tables": "generate"})
