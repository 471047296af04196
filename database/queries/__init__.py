"""Queries: series, experiments, failures, and the progress of the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from database.counters import StatusCounts as StatusCounts
    from database.queries.experiment_detail import ExperimentRecord as ExperimentRecord
    from database.queries.experiment_detail import experiment_record as experiment_record
    from database.queries.experiment_rows import ExperimentRow as ExperimentRow
    from database.queries.experiment_rows import experiments as experiments
    from database.queries.failures import FailureGroup as FailureGroup
    from database.queries.failures import failure_groups as failure_groups
    from database.queries.overview import SeriesSummary as SeriesSummary
    from database.queries.overview import series_summaries as series_summaries
    from database.queries.series_lookup import find_series as find_series
    from database.queries.series_lookup import find_several as find_several
    from database.queries.series_status import SeriesStatus as SeriesStatus
    from database.queries.series_status import series_statuses as series_statuses

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "experiment_detail": ["ExperimentRecord", "experiment_record"],
        "experiment_rows": ["ExperimentRow", "experiments"],
        "failures": ["FailureGroup", "failure_groups"],
        "overview": ["SeriesSummary", "StatusCounts", "series_summaries"],
        "series_lookup": ["find_series", "find_several"],
        "series_status": ["SeriesStatus", "series_statuses"],
    },
)
