"""What a figure says about the experiments that it does not show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from meta.records.errors import GraphError
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.curves import Curve
from tests.figures import whole_note


def note_of(records: Any, **spec: Any) -> str:
    return whole_note(GraphSpec.model_validate(spec), records)


def survivors(parameters: dict[str, Any], repetition: int) -> dict[str, float] | None:
    is_lost = parameters["x"] == 2 and repetition > 2
    return None if is_lost else {"y": float(repetition), "z": 1.0 + repetition}


def causes(parameters: dict[str, Any]) -> dict[str, int]:
    return {"error": 1, "timed_out": 6} if parameters["x"] == 2 else {}


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "line", "x": "x"},
        {"kind": "bar", "x": "x"},
        {"kind": "point", "x": "x"},
        {"kind": "box", "x": "x"},
        {"kind": "violin", "x": "x"},
        {"kind": "strip", "x": "x"},
        {"kind": "ecdf"},
        {"kind": "histogram", "hue": "x"},
        {"kind": "heatmap", "x": "c", "rows": "x"},
        {"kind": "scatter", "x": "z"},
    ],
)
def test_survivors_are_named(make_records, asked: dict[str, str]) -> None:
    """Whatever the kind: which points stand for those that did not fail, how many, and why."""
    records = make_records({"x": [1, 2, 3], "c": [0]}, results=survivors, repetitions=10, missing=causes)
    note = note_of(records, y="y", **asked)
    assert "1 error, 6 timed out of 30 experiments left out." in note
    named = note.partition("Shown by survivors only: ")[2].partition(".")[0]
    assert named == "x=2 (3 of 10)"
    assert "unbalanced" not in note, "that it is the failures says more"


def test_survivors_of_curves_are_named_too(make_records) -> None:
    """A curve of three repetitions where seven failed is not a curve of ten."""
    records = make_records(
        {"x": [1, 2, 3]},
        results=survivors,
        curves=lambda _p, r: {"m": Curve(np.arange(3), np.full(3, float(r)))},
        repetitions=10,
        missing=causes,
    )
    assert "Shown by survivors only: x=2 (3 of 10)." in note_of(records, kind="curve", y="m")


def test_many_points_are_counted_not_listed(make_records) -> None:
    """The worst four are named, the rest is counted."""
    records = make_records(
        {"x": list(range(1, 9))},
        results=lambda _p, r: {"y": float(r)},
        repetitions=5,
        missing=lambda p: {"crashed": p["x"]},
    )
    assert (
        "Shown by survivors only: x=8 (5 of 13); x=7 (5 of 12); x=6 (5 of 11); x=5 (5 of 10) and 4 more."
        in (note_of(records, kind="bar", y="y", x="x"))
    )


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        ({"running": 1, "pending": 2}, "Running, 62 % complete."),
        ({"pending": 3}, "Not finished, 62 % complete."),
        ({"error": 1, "pending": 2}, "Not finished, 75 % complete."),
    ],
)
def test_a_series_that_has_not_ended_says_how_far_it_is(make_records, missing, text: str) -> None:
    """What failed has ended; the share is rounded down."""
    records = make_records(
        {"x": [1]}, results=lambda _p, r: {"y": float(r)}, repetitions=5, missing=lambda _p: missing
    )
    assert text in note_of(records, kind="bar", y="y", x="x")


def test_unequal_numbers_without_failures_are_called_unbalanced(make_records) -> None:
    """Pending or cancelled repetitions make numbers differ; the fewest are named."""
    records = make_records(
        {"x": [1, 2]},
        results=lambda p, r: {"y": float(r)} if r < 4 * p["x"] else None,
        repetitions=8,
        missing=lambda p: {"cancelled": 4} if p["x"] == 1 else {},
    )
    note = note_of(records, kind="bar", y="y", x="x")
    assert "over n = 4 to 8 repetitions" in note
    assert "Repetitions are unbalanced; fewest: x=1 (4)." in note
    assert "survivors" not in note


def test_points_without_a_finite_reading_are_named(make_records) -> None:
    """They vanish from the graph, and a count of NaN alone does not say which."""
    records = make_records(
        {"opt": ["a", "b"], "lr": [1, 2]},
        results=lambda p, r: {"y": np.nan if p == {"opt": "b", "lr": 2} else r + 1, "z": 1.0},
        missing=lambda p: {"error": 2} if p == {"opt": "b", "lr": 2} else {},
        labels={"y": MetricSection(goal="min")},
    )
    said = "Nothing to show, as all readings are NaN or infinite: opt=b, lr=2."
    for asked in ({"kind": "bar", "x": "lr", "hue": "opt"}, {"kind": "heatmap", "x": "lr", "rows": "opt"}):
        note = note_of(records, y="y", **asked)
        assert said in note
        assert "all failed" not in note
    assert "readings are NaN or infinite: opt=b, lr=2." in note_of(records, kind="scatter", y="y", x="z")
    profile = {"kind": "profile", "y": "y", "hue": "opt", "over": ["lr"]}
    assert "Counted as not solved: opt=b, lr=2 (0 of 7)." in note_of(records, **profile)
    assert "are NaN or infinite: opt=b, lr=2." in note_of(records, **profile, missing="leave_out")


def test_what_lacks_a_configuration_is_not_said_to_have_failed_altogether(make_records) -> None:
    """One data set failed, the other has readings: not all failed, and yet there is no average."""
    records = make_records(
        {"x": ["a", "b"], "data": [1, 2]},
        results=lambda p, r: None if p == {"x": "b", "data": 2} else {"y": r},
        missing=lambda p: {"error": 5} if p == {"x": "b", "data": 2} else {},
    )
    note = note_of(records, kind="bar", y="y", x="x", over=("data",))
    assert "Not drawn, as some configurations have no finite reading: x=b (data=2)." in note
    assert "all failed" not in note


#: Method b has nothing but NaN on task 2; with `where`, nothing else is asked for.
OVER_TASKS: dict[str, dict[str, Any]] = {
    "bar": {"x": "method"},
    "point": {"x": "method"},
    "line": {"x": "method"},
    "curve": {"hue": "method"},
    "scatter": {"x": "z", "hue": "method"},
    "box": {"x": "method"},
    "violin": {"x": "method"},
    "strip": {"x": "method"},
    "ecdf": {"hue": "method", "missing": "leave_out"},
    "histogram": {"hue": "method"},
}
POOLED = ("box", "violin", "strip", "ecdf", "histogram")


def only_nan_on_one_task(make_records) -> SeriesRecords:
    def reading(parameters: Mapping[str, Any], repetition: int) -> float:
        return np.nan if parameters == {"method": "b", "task": 2} else parameters["task"] + repetition / 9

    return make_records(
        {"method": ["a", "b", "c"], "task": [1, 2, 3]},
        results=lambda p, r: {"y": reading(p, r), "z": float(r)},
        curves=lambda p, r: {"y": Curve(np.arange(3), np.full(3, reading(p, r)))},
        repetitions=8,
        labels={"y": MetricSection(goal="min")},
    )


@pytest.mark.parametrize("kind", OVER_TASKS)
def test_configurations_that_an_average_lacks_are_named(make_records, kind: str) -> None:
    """An average of the others would be another quantity; of values, the others are shown."""
    records = only_nan_on_one_task(make_records)
    note = note_of(records, kind=kind, y="y", over=["task"], **OVER_TASKS[kind])
    does = "Pools the others" if kind in POOLED else "Not drawn"
    assert f"{does}, as some configurations have no finite reading: method=b (task=2)." in note
    assert "Nothing to show" not in note
    assert "unbalanced" not in note
    alone = {"kind": kind, "y": "y", "over": ["task"], "where": {"method": "b"}, **OVER_TASKS[kind]}
    if kind in POOLED:
        assert "no finite reading: all (task=2)." in note_of(records, **alone)
    else:
        with pytest.raises(GraphError, match=r"^nothing to draw: every average over task .*: all \(task=2\)"):
            note_of(records, **alone)
    apart = {"kind": kind, "y": "y", **OVER_TASKS[kind], "where": {"method": "b", "task": 2}}
    with pytest.raises(GraphError, match="no completed experiment has a finite reading of"):
        note_of(records, **apart)


def test_scores_that_a_method_lacks_are_named(make_records) -> None:
    """Where NaN is left out, a profile counts them, and a ranking leaves the data set out."""
    records = only_nan_on_one_task(make_records)
    asked = {"y": "y", "over": ["task"], "missing": "leave_out"}
    profile = note_of(records, kind="profile", hue="method", **asked)
    assert "Counted as not solved, as all readings are NaN or infinite: method=b, task=2." in profile
    assert "a problem without one counts as not solved" in profile
    ranking = {"kind": "ranking", "x": "method", **asked}
    note = note_of(records, **ranking)
    assert "1 data set left out" in note
    assert "Without a score, as all readings are NaN or infinite: method=b, task=2." in note
    with pytest.raises(GraphError, match=r"not 1\. .*Without a score, .*: method=b, task=2$"):
        note_of(records, **ranking, where={"task": [2, 3]})


def test_methods_without_experiments_have_no_score(make_records) -> None:
    """Nobody knows whether they would reach the task: it is left out of the profile and of the ranking."""
    records = only_nan_on_one_task(make_records)
    fewer = replace(records, configurations=[*records.configurations[:4], *records.configurations[6:]])
    named = "as there are no experiments of it: method=b, task=2; method=b, task=3"
    profile = {"kind": "profile", "y": "y", "hue": "method", "over": ["task"]}
    note = note_of(fewer, **profile)
    assert "performance profile over 1 problem (task)" in note
    assert f"Left out, {named}." in note
    assert f"Counted as not solved, {named}." in note_of(fewer, **profile, missing="leave_out")
    with pytest.raises(GraphError, match=f"Without a score, {named}$"):
        note_of(fewer, kind="ranking", y="y", x="method", over=["task"])


def test_curves_without_a_common_step_are_named(make_records) -> None:
    """Each configuration has values, and yet there is no step to average at."""
    records = make_records(
        {"x": [1, 2], "data": [1, 2]},
        curves=lambda p, r: {
            "m": Curve(np.arange(3) + (10 if p == {"x": 2, "data": 2} else 0), np.full(3, float(r)))
        },
    )
    note = note_of(records, kind="curve", y="m", over=["data"])
    assert "Not drawn, as no step has a value of each configuration: x=2." in note
    with pytest.raises(GraphError, match="no step has a value of each configuration averaged over data"):
        note_of(records, kind="curve", y="m", over=["data"], where={"x": 2})


@pytest.mark.parametrize(
    ("found", "missing", "reason"),
    [
        (None, {"error": 5}, "all failed"),
        (None, {"error": 1, "pending": 4}, "none is completed"),
        (None, {"pending": 5}, "none is completed"),
        ({"z": 1.0}, {"error": 1}, "no completed experiment has a number there"),
        ({"y": "text"}, {}, "no completed experiment has a number there"),
        ({"y": np.inf}, {"error": 1}, "all readings are NaN or infinite"),
    ],
)
def test_the_reason_why_a_point_is_empty_is_true(make_records, found, missing, reason: str) -> None:
    """Of a point of which one failed, not all failed."""
    records = make_records(
        {"x": ["a", "b"]},
        results=lambda p, r: {"y": r, "z": 1.0} if p["x"] == "a" else found,
        missing=lambda p: missing if p["x"] == "b" else {},
    )
    note = note_of(records, kind="bar", y="y", x="x")
    assert f"Nothing to show, as {reason}: x=b." in note
    assert note.count("Nothing to show") == 1


def test_averages_over_fewer_configurations_are_named(make_records) -> None:
    """A series whose blocks lack a combination has no gap, and yet its averages are over different ones."""
    records = make_records({"x": ["a", "b"], "data": [1, 2]}, results=lambda _p, r: {"y": float(r)})
    records = replace(records, configurations=records.configurations[:-1])
    note = note_of(records, kind="bar", y="y", x="x", over=["data"])
    assert "The numbers of configurations differ; fewest: x=b (1)." in note
    assert "Repetitions are unbalanced" not in note
