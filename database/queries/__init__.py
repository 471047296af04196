"""Everything that is read: series, experiments, failures, and how the work goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from database.queries.overview import (
        ExperimentRow,
        SeriesSummary,
        StatusCounts,
        experiment_row,
        experiment_rows,
        experiments,
        series_names,
        series_summaries,
    )
    from database.queries.series_lookup import ChosenSeries, chosen_series, find_series

__all__ = [
    "ChosenSeries",
    "ExperimentRow",
    "SeriesSummary",
    "StatusCounts",
    "chosen_series",
    "experiment_row",
    "experiment_rows",
    "experiments",
    "find_series",
    "series_names",
    "series_summaries",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "ChosenSeries": "series_lookup",
        "ExperimentRow": "overview",
        "SeriesSummary": "overview",
        "StatusCounts": "overview",
        "chosen_series": "series_lookup",
        "experiment_row": "overview",
        "experiment_rows": "overview",
        "experiments": "overview",
        "find_series": "series_lookup",
        "series_names": "overview",
        "series_summaries": "overview",
    },
)
