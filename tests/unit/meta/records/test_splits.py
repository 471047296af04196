"""The ratio of test to training cases of resampled splits."""

from __future__ import annotations

from typing import Any

import pytest

from experiments.series_file.models import ResampledSection
from meta.records.errors import GraphError
from meta.records.series_records import SeriesRecords
from meta.records.splits import split_ratios
from tests.made_up_records import MakeRecords


@pytest.fixture
def records(make_records: MakeRecords) -> SeriesRecords:
    """Return a series with a parameter and results that could say how large the splits are."""

    def results(parameters: Any, repetition: int) -> dict[str, object]:
        return {
            "trained": 10 * parameters["held_out"],
            "changes": repetition,
            "flag": True,
            "none": -1,
            "huge": 10**400,
        }

    return make_records({"held_out": [5, 20], "model": ["svm"]}, results=results, repetitions=3)


@pytest.mark.parametrize(
    ("test", "train", "ratios"),
    [
        (45, 105, [45 / 105] * 2),
        (0.3, 0.7, [3 / 7] * 2),
        ("held_out", 50, [0.1, 0.4]),
        (1, "trained", [0.02, 0.005]),
    ],
)
def test_counts_and_names_give_a_ratio(
    records: SeriesRecords, test: Any, train: Any, ratios: list[float]
) -> None:
    """Numbers count as they are; parameters and results are read, of each configuration by itself."""
    found = split_ratios(ResampledSection(test=test, train=train), records.configurations)
    assert found == pytest.approx(ratios)


def test_without_splits_nothing_is_added(records: SeriesRecords) -> None:
    """Repetitions are independent where the file does not say that they overlap."""
    assert split_ratios(None, records.configurations).tolist() == [0, 0]


@pytest.mark.parametrize("name", ["changes", "model", "flag", "none", "huge", "nowhere"])
def test_what_is_no_constant_count_is_refused(records: SeriesRecords, name: str) -> None:
    """Another number in each repetition, text, booleans, negative numbers, and names that nothing has."""
    with pytest.raises(GraphError, match=rf"analysis\.resampled\.test: '{name}' is not one number above 0"):
        split_ratios(ResampledSection(test=name, train=1), records.configurations)
