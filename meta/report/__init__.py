"""Reports: one self-contained page about a series, with figures and numbers as files beside it."""

from __future__ import annotations

from meta.report.generate import ReportResult, generate_reports

__all__ = ["ReportResult", "generate_reports"]
