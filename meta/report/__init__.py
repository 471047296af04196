"""Reports: all about a series on one page that needs nothing else; figures and numbers lie beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from meta.report.generate import ReportResult, generate_reports

__all__ = ["ReportResult", "generate_reports"]

__getattr__ = lazy_exports(__name__, {"ReportResult": "generate", "generate_reports": "generate"})
