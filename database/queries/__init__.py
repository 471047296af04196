"""Queries: series, experiments, failures, and the progress of the work."""

from __future__ import annotations

from database.counters import StatusCounts
from database.queries.experiment_detail import ExperimentRecord, experiment_record
from database.queries.experiment_rows import ExperimentRow, experiments
from database.queries.failures import FailureGroup, failure_groups
from database.queries.overview import SeriesSummary, series_summaries
from database.queries.series_lookup import find_series, find_several
from database.queries.series_status import SeriesStatus, series_statuses

__all__ = [
    "ExperimentRecord",
    "ExperimentRow",
    "FailureGroup",
    "SeriesStatus",
    "SeriesSummary",
    "StatusCounts",
    "experiment_record",
    "experiments",
    "failure_groups",
    "find_series",
    "find_several",
    "series_statuses",
    "series_summaries",
]
