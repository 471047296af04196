"""Scores of several tasks as the share of the way from one reading to another."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from experiments.series_file.sections.tables import TableSpec
from meta.graphs.generation.requests import plan_graph
from meta.records.errors import GraphError
from meta.records.normalise import normalised
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.curves import Curve
from meta.tables.data.table import make_table
from tests.made_up_records import MakeRecords

#: What each method scores in each game, beside the seed: 0 to 4.
SCORES = {("a", "pong"): 10.0, ("a", "breakout"): 400.0, ("b", "pong"): -6.0, ("b", "breakout"): 700.0}
RANDOM, HUMAN = {"pong": -20.0, "breakout": 2.0}, {"pong": 15.0, "breakout": 30.0}


@pytest.fixture
def records(make_records: MakeRecords) -> SeriesRecords:
    """Return scores of two methods in two games, of five seeds."""

    def results(parameters: Any, repetition: int) -> dict[str, Any]:
        game = parameters["game"]
        reading = SCORES[parameters["method"], game] + repetition
        return {"score": reading, "random": RANDOM[game], "text": "no", "huge": 10**400}

    return make_records(
        {"method": ["a", "b"], "game": ["pong", "breakout"], "budget": [100]},
        results=results,
        labels={"score": MetricSection(goal="max", label="Score", unit="points", bounds=(-100, None))},
    )


def spec_of(low: Any, high: Any, **keys: Any) -> GraphSpec:
    given = {"y": "score", "x": "method", "over": "game", **keys}
    return GraphSpec.model_validate({**given, "normalise": {"by": "game", "low": low, "high": high}})


def scores(records: SeriesRecords, key: str = "score") -> dict[tuple[str, str], list[Any]]:
    return {
        (member.parameters["method"], member.parameters["game"]): [
            experiment.results[key] for experiment in member.completed
        ]
        for member in records.configurations
    }


@pytest.mark.parametrize(
    ("low", "high", "tops"),
    [
        ("random", HUMAN, HUMAN),
        (RANDOM, HUMAN, HUMAN),
        (RANDOM, 50, {"pong": 50, "breakout": 50}),
        ("random", "budget", {"pong": 100, "breakout": 100}),
    ],
)
def test_each_reading_is_a_share_of_the_way(
    records: SeriesRecords, low: Any, high: Any, tops: dict[str, float]
) -> None:
    """Ends are results, parameters, numbers, or numbers by task; what lies beyond them is not clipped."""
    found = scores(normalised(spec_of(low, high), records))
    for (method, game), reading in SCORES.items():
        width = tops[game] - RANDOM[game]
        expected = [(reading + seed - RANDOM[game]) / width for seed in range(5)]
        assert found[method, game] == pytest.approx(expected, rel=1e-14)
    assert max(found["b", "breakout"]) > 1


def test_worst_and_best_are_means_of_the_configurations_shown(records: SeriesRecords) -> None:
    """Readings lie beyond them; without one of the methods they are others."""
    found = scores(normalised(spec_of("worst", "best"), records))
    assert np.mean(found["a", "pong"]) == pytest.approx(1)
    assert np.mean(found["b", "pong"]) == pytest.approx(0, abs=1e-12)
    assert found["a", "pong"] == pytest.approx([(10 + seed - -4) / 16 for seed in range(5)])
    assert found["b", "breakout"] == pytest.approx([(700 + seed - 402) / 300 for seed in range(5)])
    alone = replace(records, configurations=records.configurations[:2])
    with pytest.raises(GraphError, match="low and high are both 12 for game = pong"):
        normalised(spec_of("worst", "best"), alone)


def test_less_is_better_where_high_is_less(records: SeriesRecords) -> None:
    """A score says how far it is to the better end, whichever is larger; unit and bounds are gone."""
    label = normalised(spec_of("worst", "best"), records).label_of("score")
    assert (label.label, label.goal, label.unit, label.bounds) == (
        "Score, normalised by game",
        "max",
        None,
        None,
    )
    errors = replace(records, labels={"score": MetricSection(goal="min")})
    found = normalised(spec_of("worst", "best"), errors)
    assert found.label_of("score").goal == "max"
    assert np.mean(scores(found)["b", "pong"]) == pytest.approx(1)
    assert normalised(spec_of(0, 100), errors).label_of("score").goal == "min"
    assert normalised(spec_of(100, 0), records).label_of("score").goal == "min"


def test_what_is_missing_stays_missing(make_records: MakeRecords) -> None:
    """NaN, null and text are no readings; an infinity changes its sign with the goal; other results stay."""
    values = [4, math.nan, None, "text", math.inf, True]
    records = make_records(
        {"game": ["pong"]},
        results=lambda _, n: {"score": values[n], "other": 7},
        repetitions=6,
        labels={"score": MetricSection(goal="min")},
    )
    normal = normalised(spec_of(10, 0), records)
    found = scores_of_one(normal)
    assert found[0] == pytest.approx(0.6)
    assert math.isnan(found[1])
    assert found[2:4] == [None, "text"]
    assert found[4:] == [-math.inf, pytest.approx(0.9)]
    assert normal.configurations[0].completed[0].results["other"] == 7


def scores_of_one(records: SeriesRecords) -> list[Any]:
    return [experiment.results["score"] for experiment in records.configurations[0].completed]


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        ({"pong": 0}, 1000, r"normalise\.low: has no number for game = breakout"),
        ("text", 1000, r"normalise\.low: 'text' is no number for game = pong"),
        ("huge", 1000, r"normalise\.low: 'huge' is no number for game = pong"),
        ("method", 1000, r"normalise\.low: 'method' is no number for game = pong"),
        (0, "scre", r"normalise\.high: there is no result or metric named 'scre'; did you mean 'score'"),
        (
            "random",
            {"pong": 15, "breakout": 2},
            "low and high are both 2 for game = breakout, so that",
        ),
        (
            0,
            {"pong": -1, "breakout": 1},
            "is above low for game = breakout, but below it for game = pong",
        ),
    ],
)
def test_the_task_without_an_end_is_named(records: SeriesRecords, low: Any, high: Any, message: str) -> None:
    """Nothing is left out because its ends are unknown."""
    with pytest.raises(GraphError, match=message):
        normalised(spec_of(low, high), records)


def test_impossible_readings_and_unknown_goals_are_refused(records: SeriesRecords) -> None:
    """Bounds are those of the readings, which the scores no longer have."""
    bounded = replace(records, labels={"score": MetricSection(bounds=(0, None))})
    with pytest.raises(GraphError, match=r"'score' of experiment 11 is -6, but metrics says bounds"):
        normalised(spec_of(0, 1000), bounded)
    with pytest.raises(GraphError, match="what is worst of 'score' is unknown"):
        normalised(spec_of("worst", "best"), replace(records, labels={}))


def test_curves_and_last_values_are_normalised_alike(make_records: MakeRecords) -> None:
    """Each point of a curve is; the summary of a metric has the label of the metric."""
    steps = np.arange(3)
    records = make_records(
        {"method": ["a"], "game": ["pong"]},
        results=lambda *_: {"metrics.loss.last": 4.0, "metrics.loss.max": 8.0},
        curves=lambda *_: {"loss": Curve(steps, np.array([8.0, np.nan, 4.0]))},
        repetitions=2,
        labels={"loss": MetricSection(goal="min", unit="nats")},
    )
    curve = GraphSpec.model_validate(
        {
            "kind": "curve",
            "y": "loss",
            "hue": "game",
            "normalise": {"by": "game", "low": 10, "high": {"pong": 2}},
        }
    )
    plan, extract = plan_graph(curve, records)
    assert plan.y.axis_label() == "loss, normalised by game"
    for one in extract.curves["loss"].values():
        np.testing.assert_allclose(one.readings, [0.25, np.nan, 0.75])
    last = spec_of(10, 2, y="loss")
    plan, extract = plan_graph(last, records)
    assert plan.y.axis_label() == "loss, normalised by game (last)"
    assert plan.y.label.goal == "max"
    [results] = {tuple(one.results.items()) for one in extract.configurations[0].completed}
    assert ("metrics.loss.last", 0.75) in results
    assert math.isnan(extract.measure("metrics.loss.last").low)
    assert not extract.measure("metrics.loss.last").is_rate


def test_tables_show_scores(records: SeriesRecords) -> None:
    """Head and cells are of the scores, averaged over the games."""
    spec = TableSpec.model_validate(
        {
            "y": "score",
            "rows": "method",
            "over": "game",
            "normalise": {"by": "game", "low": "random", "high": HUMAN},
        }
    )
    table = make_table(spec, records)
    assert table.title == "Score, normalised by game"
    expected = [((12 + 20) / 35 + (402 - 2) / 28) / 2, ((-4 + 20) / 35 + (702 - 2) / 28) / 2]
    assert [cell.estimate for cell in table.cells.cells.values()] == pytest.approx(expected)
