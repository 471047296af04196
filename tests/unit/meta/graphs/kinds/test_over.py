"""Averages over configurations in graphs: what is drawn, what has an interval, and what the note says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.data.graph_data import Estimates, SampleSizes
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.curves import Curve
from tests.figures import make_drawn, make_figure, whole_note

#: How good or bad each repetition is, in all configurations alike.
LUCK = 10 * np.random.default_rng(1).normal(size=20)
SPECS = {
    "line": {"y": "y", "x": "x"},
    "curve": {"kind": "curve", "y": "m", "x": "step", "where": {"x": 1}},
    "scatter": {"kind": "scatter", "y": "y", "x": "z"},
    "median": {"y": "y", "x": "x", "estimator": "median"},
    "iqm": {"y": "y", "x": "x", "estimator": "iqm"},
}


def results(parameters: Mapping[str, Any], repetition: int) -> dict[str, float]:
    """Return results that differ by luck, and by configuration."""
    return {"y": parameters["data"] + LUCK[repetition], "z": 2 * LUCK[repetition]}


def curves(parameters: Mapping[str, Any], repetition: int) -> dict[str, Curve]:
    return {"m": Curve(np.arange(3), np.full(3, results(parameters, repetition)["y"]))}


@pytest.fixture
def records(make_records) -> SeriesRecords:
    """Return 20 repetitions of two places with four data sets each."""
    grid = {"x": [1, 2], "data": [0, 1, 2, 3]}
    return make_records(grid, results=results, curves=curves, repetitions=20)


def first(records: SeriesRecords, **spec: Any) -> Estimates:
    """Return the estimates of the first line."""
    asked = GraphSpec.model_validate({"over": ["data"], **spec})
    return make_drawn(asked, records).data.lines[0].interval


def note_of(records: SeriesRecords, **spec: Any) -> str:
    return whole_note(GraphSpec.model_validate(spec), records)


@pytest.mark.parametrize("kind", SPECS)
def test_repetitions_of_one_seed_are_drawn_together(records, kind: str) -> None:
    """Luck that configurations share does not cancel out; it does where each has its own."""
    shared = first(records, **SPECS[kind])
    if kind in ("line", "curve", "scatter"):
        alone = stats.ttest_1samp(LUCK, 0).confidence_interval()
        np.testing.assert_allclose(shared.low, 1.5 + alone.low)
        np.testing.assert_allclose(shared.high, 1.5 + alone.high)
    apart = first(replace(records, shares_seeds=False), **SPECS[kind])
    np.testing.assert_allclose(apart.estimate, shared.estimate)
    assert (apart.high - apart.low < 0.7 * (shared.high - shared.low)).all()


def test_gaps_do_not_shift_repetitions(make_records) -> None:
    """What belongs together is the number of the repetition, not its place among the completed ones."""

    def found(parameters: Mapping[str, Any], repetition: int) -> dict[str, float] | None:
        sign = 1 if parameters["data"] else -1
        missing = repetition == (0 if parameters["data"] else 19)
        return None if missing else {"y": sign * LUCK[repetition], "z": sign * LUCK[repetition]}

    grid = {"x": [1, 2], "data": [0, 1]}
    records = make_records(
        grid,
        results=found,
        curves=lambda p, r: {"m": Curve(np.arange(3), np.full(3, (found(p, r) or {"y": 0.0})["y"]))},
        repetitions=20,
    )
    for kind in ("line", "curve", "scatter"):
        # What is luck for one is bad luck for the other: the means of complete repetitions are all equal.
        interval = first(records, **SPECS[kind])
        assert set(interval.method.tolist()) == {"nothing varied"}
        assert set(interval.left_out.tolist()) == {2}


@pytest.mark.parametrize("shares_seeds", [True, False])
def test_the_configuration_with_the_fewest_repetitions_decides(make_records, shares_seeds: bool) -> None:
    """One reading of one configuration leaves no interval; of two each, ten configurations are not twenty."""

    def some(parameters: Mapping[str, Any], repetition: int) -> dict[str, float] | None:
        return None if parameters["data"] and repetition else results(parameters, repetition)

    def told(found: SeriesRecords) -> str:
        return note_of(replace(found, shares_seeds=shares_seeds), y="y", x="x", kind="bar", over=["data"])

    single = make_records({"x": ["a"], "data": [0, 1, 2, 3]}, results=some, repetitions=2)
    assert np.isnan(first(replace(single, shares_seeds=shares_seeds), y="y", x="x", kind="bar").low).all()
    assert told(single).startswith(
        "made-up: mean over n = 1 to 2 repetitions of 4 configurations (5 experiments); too few for an "
        "interval."
    )
    two = make_records({"x": ["a"], "data": list(range(10))}, results=results, repetitions=2)
    text = told(two)
    assert "over n = 2 repetitions of 10 configurations (20 experiments); too few for an interval." in text


def test_coverage_is_that_of_what_is_drawn(make_records) -> None:
    """Configurations that are drawn by themselves are more witnesses than those that share their seeds."""
    records = make_records({"x": ["a"], "data": list(range(10))}, results=results, repetitions=10)
    asked = {"y": "y", "x": "x", "over": ["data"], "interval": "percentile"}
    text = note_of(records, **asked)
    assert "n = 10 is few: such an interval holds the mean of normal readings in about 90 % of cases" in text
    assert "is few" not in note_of(replace(records, shares_seeds=False), **asked)
    assert "is few" not in note_of(records, **asked | {"interval": "ci"})


def test_n_is_the_repetitions(make_records) -> None:
    """A range where it differs; pooled readings, heatmaps and points without an interval say it too."""
    records = make_records(
        {"x": ["a", "b"], "k": [1, 2], "data": [1, 2]},
        results=lambda p, r: None if p["x"] == "a" and p["data"] == 1 and r > 2 else {"y": float(r)},
        repetitions=12,
    )
    pooled = "n = 15 to 24 experiments (3 to 12 repetitions of 2 configurations)."
    for asked in ({"kind": "strip", "x": "x", "hue": "k"}, {"kind": "box", "x": "x", "hue": "k"}):
        assert pooled in note_of(records, y="y", over=["data"], **asked)
    expected = "n = 3 to 12 repetitions of 2 configurations (15 to 24 experiments)."
    for asked in (
        {"kind": "bar", "x": "x", "hue": "k", "interval": "none"},
        {"kind": "heatmap", "x": "x", "rows": "k"},
    ):
        assert expected in note_of(records, y="y", over=["data"], **asked)
    spec = GraphSpec(kind="heatmap", y="y", x="x", rows="k", over=("data",), size="page")
    texts = [text.get_text() for text in make_figure(spec, records).axes[0].texts]
    assert [text.partition("\n")[2] for text in texts] == ["n=3-12", "n=12"] * 2


def test_points_without_an_interval_are_told(make_records) -> None:
    """Where some points have one and others cannot, the note says why."""
    records = make_records(
        {"x": ["a", "b"], "data": [1, 2]},
        results=lambda p, r: None if p["x"] == "a" and p["data"] == 1 and r else {"y": float(r)},
        repetitions=30,
    )
    text = note_of(records, y="y", x="x", over=["data"])
    assert "; none where a configuration has n = 1." in text


def test_what_is_behind_points_is_put_together() -> None:
    """Several lines, one of averages of two configurations, one of which has nothing at its second point."""
    average = SampleSizes.of(np.array([[5, 0, 7], [3, 4, 7]]))
    assert [one.tolist() for one in vars(average).values()] == [[8, 4, 14], [3, 4, 7], [5, 4, 7], [2, 1, 2]]
    both = SampleSizes.joined(
        [average.where(np.array([True, False, True])), SampleSizes.of_points([[9], [1, 2, 3]])]
    )
    assert [one.tolist() for one in vars(both).values()] == [
        [8, 14, 9, 6],
        [3, 7, 9, 1],
        [5, 7, 9, 3],
        [2, 2, 1, 3],
    ]
    assert not len(SampleSizes.joined([]).count)
