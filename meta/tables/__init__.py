"""Tables of whole series: from records to numbers with intervals and comparisons, and to text."""

from __future__ import annotations

from meta.tables.generate import TableResult, generate_all_tables

__all__ = ["TableResult", "generate_all_tables"]
