"""Reports: all about a series on one page that needs nothing else; figures and numbers lie beside it."""

from __future__ import annotations

from meta.report.generate import ReportResult, generate_reports

__all__ = ["ReportResult", "generate_reports"]
