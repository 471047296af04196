"""Everything that is read: series, experiments, failures, and how the work goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from database.queries.experiment_detail import ExperimentRecord, experiment_record
    from database.queries.experiment_rows import (
        ExperimentList,
        ExperimentRow,
        ListedExperiment,
        experiments,
        list_experiments,
    )
    from database.queries.failures import FailureGroup, failure_groups
    from database.queries.overview import SeriesSummary, StatusCounts, series_names, series_summaries
    from database.queries.series_lookup import ChosenSeries, chosen_series, find_series
    from database.queries.series_status import SeriesStatus, series_statuses

__all__ = [
    "ChosenSeries",
    "ExperimentList",
    "ExperimentRecord",
    "ExperimentRow",
    "FailureGroup",
    "ListedExperiment",
    "SeriesStatus",
    "SeriesSummary",
    "StatusCounts",
    "chosen_series",
    "experiment_record",
    "experiments",
    "failure_groups",
    "find_series",
    "list_experiments",
    "series_names",
    "series_statuses",
    "series_summaries",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "ChosenSeries": "series_lookup",
        "ExperimentList": "experiment_rows",
        "ExperimentRecord": "experiment_detail",
        "ExperimentRow": "experiment_rows",
        "FailureGroup": "failures",
        "ListedExperiment": "experiment_rows",
        "SeriesStatus": "series_status",
        "SeriesSummary": "overview",
        "StatusCounts": "overview",
        "chosen_series": "series_lookup",
        "experiment_record": "experiment_detail",
        "experiments": "experiment_rows",
        "failure_groups": "failures",
        "find_series": "series_lookup",
        "list_experiments": "experiment_rows",
        "series_names": "overview",
        "series_statuses": "series_status",
        "series_summaries": "overview",
    },
)
