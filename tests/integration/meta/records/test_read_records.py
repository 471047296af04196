"""What the series file says of results, and of what belongs together, comes with the records."""

from __future__ import annotations

from sqlalchemy import select

from database.models import ExperimentSeries
from database.queries.series_lookup import find_series
from database.session.lifecycle import scoped_session
from experiments.series_file.models import AnalysisSection
from meta.records.dependence import dependence_of
from meta.records.read_records import read_records
from meta.records.selection.subsets import read_subset


def test_analysis_and_metrics_are_read_with_the_records(database_url: str, write_series, written) -> None:
    """Both count in every selection, whose kinds of results are those of the whole series."""
    sections = {
        "grid": {"data": ["wine", "iris"], "k": [1, 2]},
        "repeat": {"seeds": 2},
        "metrics": {"solved": {"goal": "max"}, "y": {"bounds": [0, None]}},
        "analysis": {"strata": "data", "resampled": {"test": 45, "train": 105}},
    }
    with scoped_session() as session:
        write_series(session, lambda p, _: written(results={"solved": p["k"] - 1, "y": p["k"]}), **sections)
        series = find_series(session, "study")
        records = read_records(session, series)
        chosen = read_subset(session, series, records, where="k == 2")
    assert records.analysis == AnalysisSection.model_validate(sections["analysis"])
    assert records.label_of("y").bounds == (0, None)
    assert chosen.analysis == records.analysis
    assert chosen.whole is records
    assert len(chosen.configurations) == 2
    assert chosen.measure("solved").is_rate
    assert (chosen.measure("y").low, chosen.measure("y").high) == (1, 2)
    assert dependence_of(chosen).labels(chosen.configurations) == (0, 1)


def test_a_series_recorded_before_there_was_analysis_has_none(sqlite_url: str, write_series, written) -> None:
    """Equal seeds are pairs there, as they were."""
    with scoped_session() as session:
        write_series(session, lambda *_: written(results={"y": 1.0}), grid={"k": [1, 2]})
        series = session.scalars(select(ExperimentSeries)).one()
        series.resolved = {name: section for name, section in series.resolved.items() if name != "analysis"}
        records = read_records(session, series)
    assert records.analysis == AnalysisSection()
    assert dependence_of(records).labels(records.configurations) == (0, 0)
