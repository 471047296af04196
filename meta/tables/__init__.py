"""Tables of whole series: records in, numbers with intervals and comparisons in between, texts out."""

from __future__ import annotations

from meta.tables.generate import TableResult, generate_all_tables

__all__ = ["TableResult", "generate_all_tables"]
