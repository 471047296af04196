"""What belongs together, by a graph, the file, or the recorded seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from experiments.series_file.models import AnalysisSection
from meta.records.dependence import dependence_of
from meta.records.errors import GraphError
from meta.records.series_records import SeriesRecords
from tests.made_up_records import MakeRecords


@pytest.fixture
def records(make_records: MakeRecords) -> SeriesRecords:
    """Return a series of two parameters; True, 1 and 1.0 are three values."""
    return make_records({"lr": [0.1, 0.2], "data": [1, True, 1.0]})


@pytest.mark.parametrize(
    ("analysis", "own", "expected"),
    [
        ({}, {}, ((0, 0, 0, 0, 0, 0), "")),
        ({"paired": True}, {}, ((0, 0, 0, 0, 0, 0), "")),
        (
            {"paired": False},
            {},
            ((0, 1, 2, 3, 4, 5), "drawn for each configuration by itself, as the file says"),
        ),
        ({"strata": ["data"]}, {}, ((0, 1, 2, 0, 1, 2), "drawn within data, as the file says")),
        ({"strata": ["data"]}, {"strata": ()}, ((0, 0, 0, 0, 0, 0), "")),
        ({"strata": ["data"]}, {"strata": ["lr"]}, ((0, 0, 0, 1, 1, 1), "drawn within lr, as the file says")),
        ({}, {"strata": ["lr", "data"]}, ((0, 1, 2, 3, 4, 5), "drawn within lr, data, as the file says")),
        ({"paired": True}, {"paired": False}, ((0, 1, 2, 3, 4, 5), "drawn for each configuration by itself")),
        ({"paired": False}, {"paired": True}, ((0, 0, 0, 0, 0, 0), "")),
        ({"paired": False}, {"strata": ["lr"]}, ((0, 0, 0, 1, 1, 1), "drawn within lr, as the file says")),
    ],
)
def test_a_graph_s_own_keys_win(
    records: SeriesRecords, analysis: dict[str, Any], own: dict[str, Any], expected: tuple[Any, str]
) -> None:
    """What a graph or table says goes before the file, and the file before the seeds, which are shared."""
    labels, text = expected
    found = dependence_of(replace(records, analysis=AnalysisSection.model_validate(analysis)), **own)
    assert found.labels(records.configurations) == labels
    assert found.paired is (len(set(labels)) < len(labels) or bool(found.strata))
    assert found.text.startswith(text)
    assert bool(found.text) is bool(text)


def test_different_seeds_are_no_pairs(records: SeriesRecords) -> None:
    """They are strata whatever the file has as strata, and pairs cannot be asked for."""
    apart = replace(records, shares_seeds=False, analysis=AnalysisSection(strata=("data",)))
    found = dependence_of(apart)
    assert (found.paired, found.text) == (False, "")
    assert found.labels(apart.configurations) == (0, 1, 2, 3, 4, 5)
    with pytest.raises(GraphError, match="paired: true, but the experiments of a repetition have different"):
        dependence_of(apart, paired=True)
    with pytest.raises(GraphError, match="paired: true, but"):
        dependence_of(replace(apart, analysis=AnalysisSection(paired=True)))


def test_strata_are_parameters(records: SeriesRecords) -> None:
    """A recorded name that no configuration has (any more) is an error."""
    with pytest.raises(GraphError, match="strata: there is no parameter named 'dataset'"):
        dependence_of(records, strata=["dataset"])
    without = [replace(one, parameters={"lr": one.parameters["lr"]}) for one in records.configurations[:2]]
    some = replace(records, configurations=without, whole=records)
    assert dependence_of(some, strata=["data"]).labels(without) == (0, 0)
