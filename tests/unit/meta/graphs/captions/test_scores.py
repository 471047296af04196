"""Sentences on scores of several tasks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from experiments.series_file.sections.tables import TableSpec
from meta.graphs.captions.scores import scores_text
from meta.graphs.data.plan import make_plan
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.curves import Curve
from meta.tables.data.table import make_table
from tests.figures import make_drawn
from tests.made_up_records import MakeRecords

MakeScores = Any
FROM_THE_RESULTS = (
    "Normalised by function, from the results shown (0: the worst, 1: the best configuration of each): the "
    "numbers depend on who takes part."
)


@pytest.fixture
def make_scores(make_records: MakeRecords) -> MakeScores:
    """Return a function that makes the records of scores, by function; two methods score alike."""
    steps = np.arange(2)

    def make(sizes: dict[str, float], label: MetricSection | None = None) -> SeriesRecords:
        return make_records(
            {"method": ["a", "b"], "function": list(sizes)},
            results=lambda parameters, _: {"y": sizes[parameters["function"]]},
            curves=lambda parameters, _: {"y": Curve(steps, np.array([9e9, sizes[parameters["function"]]]))},
            repetitions=1,
            labels={"y": label} if label else {},
        )

    return make


def told(records: SeriesRecords, **keys: Any) -> list[str]:
    spec = GraphSpec.model_validate({"y": "y", "x": "method", "over": "function", **keys})
    plan = make_plan(spec, records)
    return scores_text(spec, plan.y, records, over_steps=plan.rules.over_steps)


SIZES = {"sphere": 2.0, "ackley": 3.0, "griewank": 0.5, "rastrigin": 22_300.0}


def test_scores_of_very_different_size_are_told_with_the_way_out(make_scores: MakeScores) -> None:
    """It names the largest task, its size and that of the others, whichever estimator averages them."""
    expected = (
        "Scores differ in size (function rastrigin: 22,300, median of the others: 2); normalise: "
        "{by: function, ...} makes them comparable."
    )
    records = make_scores(SIZES)
    assert told(records) == [expected]
    assert told(records, estimator="median") == [expected]
    assert told(records, kind="curve", x="step", hue="method") == [expected]


@pytest.mark.parametrize(
    ("sizes", "is_told"),
    [
        ({"f": 10.0, "g": 1.0}, False),
        ({"f": 10.1, "g": 1.0}, True),
        ({"f": 10.1, "g": 1.0, "h": 1.1}, False),
        ({"f": 0.0, "g": 0.0, "h": 0.1}, True),
        ({"f": 0.0, "g": 0.0}, False),
        ({"f": 1e-3, "g": 1e-3, "h": 5.0}, True),
        ({"f": 7.0}, False),
    ],
)
def test_only_the_largest_beyond_ten_times_the_others_is_told(
    make_scores: MakeScores, sizes: dict[str, float], is_told: bool
) -> None:
    """The median of the others counts, so that one small task is none."""
    assert bool(told(make_scores(sizes))) is is_told


def test_scores_of_one_scale_are_not_told(make_scores: MakeScores) -> None:
    """Those between two bounds, and rates."""
    assert told(make_scores(SIZES, MetricSection(bounds=(0, None))))
    assert not told(make_scores(SIZES, MetricSection(bounds=(-1e6, 1e6))))
    assert not told(make_scores({"f": 0.0, "g": 0.0, "h": 1.0}, MetricSection(kind="rate")))


def test_what_averages_nothing_tells_nothing(make_scores: MakeScores) -> None:
    """Without over, and where readings are pooled or ranked."""
    records = make_scores(SIZES, MetricSection(goal="min"))
    assert not told(records, over=(), hue="function")
    assert not told(records, kind="box")
    assert not told(records, kind="ranking")


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ({"low": "worst", "high": "best"}, FROM_THE_RESULTS),
        ({"low": 0.5, "high": "optimum"}, "Normalised by function (low: 0.5, high: optimum)."),
        (
            {"low": {"sphere": 1}, "high": 0},
            "Normalised by function (low: given for each function, high: 0).",
        ),
    ],
)
def test_normalised_scores_say_what_0_and_1_are(
    make_scores: MakeScores, ends: dict[str, Any], expected: str
) -> None:
    """In place of the hint, and of pooled readings too."""
    records = make_scores(SIZES)
    for kind in ("bar", "box"):
        assert told(records, kind=kind, normalise={"by": "function", **ends}) == [expected]


def test_notes_have_the_sentence(make_scores: MakeScores) -> None:
    """Below the graph, as it changes how it is read, and below the table."""
    records = make_scores(SIZES)
    table = make_table(TableSpec(y="y", rows=("method",), over=("function",)), records)
    graph = make_drawn(GraphSpec(kind="bar", y="y", x="method", over=("function",)), records)
    assert sum("Scores differ in size" in sentence for sentence in table.notes) == 1
    assert "Scores differ in size" in graph.note.below
