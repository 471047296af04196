"""What never happened: experiments without a reading in distributions, profiles and rankings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.data.graph_data import Ranked
from meta.graphs.figure.registry import KINDS
from meta.records.errors import GraphError
from meta.records.readings import Point, Runs
from meta.records.series_records import SeriesRecords
from tests.figures import compute, make_drawn, whole_note

INF, NAN = float("inf"), float("nan")
#: What the three ends of an experiment that is not completed are called in a note.
FAILED = {"error": 1, "timed_out": 2, "out_of_memory": 1, "crashed": 1, "invalid_result": 1}
NOT_RUN = {"lost": 1, "interrupted": 1, "cancelled": 1, "pending": 2, "running": 1}


def staircases(figure: Figure) -> dict[str, tuple[list[float], list[float]]]:
    """Return what is drawn, by the label of the line."""
    return {
        str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata()))
        for line in figure.axes[0].lines
    }


def entries(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()] if figure.legends else []


def note_of(figure: Figure) -> str:
    return figure.texts[-1].get_text().replace("\n", " ")


def figure_of(records: SeriesRecords, **spec: Any) -> Figure:
    return make_drawn(GraphSpec.model_validate(spec), records).figure


def rows_of(records: SeriesRecords, **spec: Any) -> list[Mapping[str, Any]]:
    drawn = make_drawn(GraphSpec.model_validate(spec), records)
    return list(KINDS[drawn.plan.rules.name].rows(drawn.plan, drawn.data))


def of_methods(make_records: Any, found: Mapping[str, list[Any]], goal: str | None, **others: Any) -> Any:
    """Return the records of methods with these readings of `y`, one for each repetition; `...` for none."""

    def results(parameters: Mapping[str, Any], repetition: int) -> dict[str, Any] | None:
        value = found[parameters["m"]][repetition]
        return {"z": 1} if value is ... else {"y": value}

    labels = {"y": MetricSection(goal=goal)} if goal else {}
    count = len(next(iter(found.values())))
    return make_records({"m": list(found)}, results=results, repetitions=count, labels=labels, **others)


@pytest.mark.parametrize("reason", [INF, NAN, None, ...])
def test_where_less_is_better_a_curve_ends_at_the_share_that_got_there(make_records, reason: Any) -> None:
    """Infinite, NaN, null or not returned: the experiment counts and has no step."""
    records = of_methods(make_records, {"good": [1.0, 2, 3, 4], "bad": [2.0, reason, reason, reason]}, "min")
    figure = figure_of(records, kind="ecdf", y="y", hue="m")
    drawn = staircases(figure)
    assert drawn["good"] == ([1, 1, 2, 3, 4], [0, 0.25, 0.5, 0.75, 1])
    assert drawn["bad"] == ([2, 2, 4], [0, 0.25, 0.25])
    assert entries(figure) == ["good (4 of 4)", "bad (1 of 4)"]
    said = f"3 {reason}".replace("nan", "NaN") if isinstance(reason, float) else "3 without 'y'"
    assert f"3 of 8 experiments never reached it and count: {said}." in note_of(figure)
    rows = [row for row in rows_of(records, kind="ecdf", y="y", hue="m") if row["parameters.m"] == "bad"]
    assert [(row["value"], row["share"], row["n"]) for row in rows] == [(2.0, 0.25, 4)]


def test_where_more_is_better_a_curve_starts_at_the_share_that_never_got_there(make_records) -> None:
    """Minus infinity lies to the left of each reading, as what failed does."""
    records = of_methods(
        make_records,
        {"good": [1.0, 2, 3, 4], "bad": [2.0, -INF, NAN, 3.0]},
        "max",
        missing=lambda p: {"error": 4} if p["m"] == "bad" else {},
    )
    figure = figure_of(records, kind="ecdf", y="y", hue="m")
    assert staircases(figure)["bad"] == ([1, 2, 3], [0.75, 0.875, 1])
    assert entries(figure) == ["good (4 of 4)", "bad (2 of 8)"]
    assert "6 of 12 experiments never reached it and count: 4 errors, 1 NaN, 1 -inf." in note_of(figure)
    rows = [row for row in rows_of(records, kind="ecdf", y="y", hue="m") if row["parameters.m"] == "bad"]
    assert [(row["value"], row["share"], row["n"]) for row in rows] == [
        (None, 0.75, 8),
        (2.0, 0.875, 8),
        (3.0, 1.0, 8),
    ]


@pytest.mark.parametrize(("goal", "level"), [("min", 0.0), ("max", 1.0)])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_method_without_any_success_is_drawn(make_records, goal: str, level: float, scale: str) -> None:
    """It is a line along the axis, within what the others reach, and in data.csv."""
    records = of_methods(make_records, {"good": [1.0, 20, 300], "bad": [NAN, NAN, NAN]}, goal)
    figure = figure_of(records, kind="ecdf", y="y", hue="m", scale=scale)
    assert staircases(figure)["bad"] == ([1, 300], [level, level])
    assert figure.axes[0].get_ylim()[0] == (-0.02 if level == 0 else 0)
    low, high = figure.axes[0].get_xlim()
    assert low <= 1
    assert 300 <= high < 1000
    assert entries(figure)[1] == "bad (0 of 3)"
    assert "Never reached: m=bad (0 of 3)." in note_of(figure)
    (row,) = [row for row in rows_of(records, kind="ecdf", y="y", hue="m") if row["parameters.m"] == "bad"]
    assert (row["value"], row["share"], row["n"]) == (None, level, 3)


def test_where_nothing_is_finite_there_is_no_axis(make_records) -> None:
    """All count as never, and so there is no reading that a share could belong to."""
    records = of_methods(make_records, {"a": [INF, NAN], "b": [None, INF]}, "min")
    with pytest.raises(GraphError, match=r"^no experiment has a finite reading of 'y': nothing to draw$"):
        figure_of(records, kind="ecdf", y="y", hue="m")


@pytest.mark.parametrize(
    ("goal", "infinite", "expected"),
    [
        ("min", [-INF, INF], ([1, 2, 3, 3], [0.25, 0.5, 0.75, 0.75])),
        ("max", [INF, INF], ([2, 2, 3, 3], [0, 0.25, 0.5, 0.5])),
    ],
)
def test_what_was_there_from_the_start_is_told(make_records, goal, infinite, expected) -> None:
    """The good infinity is the opposite of never."""
    found = {"a": [2.0, 3.0, *infinite], "b": [1.0, 2, 3, 3]}
    figure = figure_of(of_methods(make_records, found, goal), kind="ecdf", y="y", hue="m")
    assert staircases(figure)["a"] == expected
    told = {"min": "1 of 8 experiments had reached it from the start (-inf).", "max": "2 of 8"}[goal]
    assert told in note_of(figure)


def test_failures_count_and_what_did_not_run_does_not(make_records) -> None:
    """By outcome: those of the experiment are never, those of computers and users say nothing about it."""
    records = of_methods(make_records, {"a": [1.0, 2, 3, 4]}, "min", missing=lambda _p: FAILED | NOT_RUN)
    figure = figure_of(records, kind="ecdf", y="y")
    (drawn,) = staircases(figure).values()
    assert max(drawn[1]) == 0.4
    note = note_of(figure)
    assert (
        "6 of 16 experiments never reached it and count: 1 error, 2 timed out, 1 out of memory, "
        "1 crashed, 1 invalid result." in note
    )
    assert "6 not run (1 lost, 1 interrupted, 1 cancelled, 1 running, 2 pending), so not counted." in note
    assert "survivors" not in note
    assert "left out" not in note


def test_text_is_no_answer_and_told(make_records) -> None:
    """Nobody knows what it stands for: it is in no denominator, with a goal or without."""
    for goal in ("min", None):
        records = of_methods(make_records, {"a": [1.0, "diverged", [1], "diverged"]}, goal)
        figure = figure_of(records, kind="ecdf", y="y")
        assert list(staircases(figure).values()) == [([1, 1], [0, 1])]
        assert "3 completed without a number in 'y' left out: 'diverged' (2); a list (1)." in note_of(figure)


@pytest.mark.parametrize(
    ("of_metric", "of_graph"), [("leave_out", None), ("never", "leave_out"), (None, "leave_out")]
)
def test_missing_may_be_left_out(make_records, of_metric: Any, of_graph: Any) -> None:
    """What the graph says wins over what the metric says; an infinite reading is none that is missing."""
    records = make_records(
        {"m": ["a", "b"]},
        results=lambda p, r: {"y": r + 1.0 if p["m"] == "a" else [5.0, NAN, INF, None][r]},
        repetitions=4,
        missing=lambda p: {"error": 2} if p["m"] == "b" else {},
        labels={"y": MetricSection(goal="min", missing=of_metric)},
    )
    asked = {"kind": "ecdf", "y": "y", "hue": "m"}
    figure = figure_of(records, **asked, missing=of_graph)
    assert max(staircases(figure)["b"][1]) == 0.5
    note = note_of(figure)
    assert "2 errors of 10 experiments left out." in whole_note(GraphSpec(**asked, missing=of_graph), records)
    assert "Shown by survivors only: m=b (2 of 4)." in note
    assert "1 completed without 'y' left out. 1 NaN or infinite reading left out." in note
    if of_metric == "leave_out":
        assert max(staircases(figure_of(records, **asked, missing="never"))["b"][1]) == 1 / 6


def test_without_a_goal_infinite_readings_are_left_out(make_records) -> None:
    """Nobody knows whether they are good or bad."""
    figure = figure_of(of_methods(make_records, {"a": [1.0, INF, NAN, 2]}, None), kind="ecdf", y="y")
    assert list(staircases(figure).values()) == [([1, 1, 2], [0, 0.5, 1])]
    assert "2 NaN or infinite readings left out." in note_of(figure)


def test_panels_share_the_counts_of_their_legend(make_records) -> None:
    """An entry stands for a line on each panel."""
    records = make_records(
        {"m": ["a", "b"], "k": [1, 2]},
        results=lambda p, r: {"y": INF if p == {"m": "b", "k": 2} else r + 1.0},
        repetitions=3,
        labels={"y": MetricSection(goal="min")},
    )
    figure = figure_of(records, kind="ecdf", y="y", hue="m", facet="k")
    assert entries(figure) == ["a (6 of 6)", "b (3 of 6)"]
    (line,) = (line for line in figure.axes[1].lines if line.get_label() == "b")
    assert list(line.get_ydata()) == [0, 0]


@pytest.mark.parametrize(
    ("unit", "times", "until"),
    [
        ("s", [3, 5, 12, 40], 10.1),
        ("ms", [3, 5, 12_000, 40_000], 10_100),
        ("s", [3, 5, 9, 10], None),  # no run had another limit than the smallest
        ("s", [3, 5, 12, 4000], None),  # no times of these runs
        ("steps", [3, 5, 12, 40], None),
    ],
)
def test_times_are_drawn_up_to_the_smallest_limit(make_records, unit: str, times, until) -> None:
    """Beyond it nobody knows how many runs would have been done, which another limit stopped."""
    records = make_records(
        {"m": ["a"]},
        results=lambda _p, r: {"y": times[r]},
        repetitions=4,
        missing=lambda _p: {"timed_out": 4},
        labels={"y": MetricSection(goal="min", unit=unit)},
    )
    (member,) = records.configurations
    limits = dict(zip(member.unfinished, (10.1, 10.2, 60.1, 60.2), strict=True))
    figure = figure_of(replace(records, timed_out_s=limits), kind="ecdf", y="y")
    ((x, shares),) = staircases(figure).values()
    told = "Drawn up to the smallest limit of timed out experiments, as limits differ: all"
    if until is None:
        assert (x[-1], shares[-1]) == (times[-1], 0.5)
        assert told not in note_of(figure)
    else:
        assert (x[-1], shares[-1]) == (pytest.approx(until), 0.25)
        assert f"{told} ({until:.3g})." in note_of(figure)


#: Costs of three methods on four tasks, of three repetitions each.
COSTS: dict[str, list[list[float]]] = {
    "a": [[1, 2, 9], [2, 2, 2], [5, INF, INF], [INF, INF, INF]],
    "b": [[2, 2, INF], [INF, 1, INF], [3, 3, NAN], [NAN, NAN, NAN]],
    "c": [[4, INF, INF], [NAN, INF, NAN], [INF, INF, INF], [INF, INF, INF]],
}
MEDIANS = np.array([[2, 2, INF], [2, INF, INF], [INF, 3, INF], [INF, INF, INF]])


def on_tasks(make_records: Any, goal: str = "min", **others: Any) -> SeriesRecords:
    sign = 1 if goal == "min" else -1

    def results(parameters: Mapping[str, Any], repetition: int) -> dict[str, float]:
        cost = COSTS[parameters["m"]][parameters["task"]][repetition]
        return {"y": sign * cost, "inverse": 0.0 if goal == "min" else 1 / cost}

    return make_records(
        {"m": list(COSTS), "task": [0, 1, 2, 3]},
        results=results,
        repetitions=3,
        labels={"y": MetricSection(goal=goal)},
        **others,
    )


def test_profiles_take_the_median_of_all_experiments(make_records) -> None:
    """A method solves a task if most of its experiments do; a task that none solves counts."""
    records = on_tasks(make_records)
    figure = figure_of(records, kind="profile", y="y", hue="m", over=["task"])
    drawn = staircases(figure)
    solved = np.isfinite(MEDIANS).mean(axis=0)
    assert [drawn[m][1][-1] for m in "abc"] == solved.tolist() == [0.5, 0.5, 0]
    note = note_of(figure)
    assert (
        "over 4 problems (task), each by the median of all its experiments, those that never reached it "
        "as infinitely bad." in note
    )
    note = whole_note(GraphSpec(kind="profile", y="y", hue="m", over=("task",)), records)
    assert "Counted as not solved: " in note
    for label in ("m=a, task=2 (1 of 3)", "m=b, task=1 (1 of 3)"):
        assert label in note or " more." in note
    rows = rows_of(records, kind="profile", y="y", hue="m", over=["task"])
    assert {row["n"] for row in rows} == {4}


def test_means_of_what_one_experiment_never_reached_are_infinite(make_records) -> None:
    """A file may ask for it: then a task counts as solved where all experiments solve it."""
    figure = figure_of(
        on_tasks(make_records), kind="profile", y="y", hue="m", over=["task"], estimator="mean"
    )
    assert [staircases(figure)[m][1][-1] for m in "abc"] == [0.5, 0, 0]


def ranked(records: SeriesRecords, **others: Any) -> Ranked:
    spec = GraphSpec.model_validate({"kind": "ranking", "y": "y", "x": "m", "over": ["task"], **others})
    drawn = make_drawn(spec, records)
    found = compute(drawn.plan, records).ranked
    assert found is not None
    return found


@pytest.mark.parametrize("goal", ["min", "max"])
def test_rankings_put_those_that_never_get_there_last(make_records, goal: str) -> None:
    """They share the last ranks, also on a task that no method reaches."""
    found = ranked(on_tasks(make_records, goal))
    expected = np.mean([stats.rankdata(row) for row in MEDIANS], axis=0)
    np.testing.assert_allclose(found.ranking.average_ranks, expected)
    assert (found.ranking.left_out, len(found.ranking.scores)) == (0, 4)
    assert set(found.counts.tolist()) == {3}


def test_rankings_that_leave_out_what_is_missing(make_records) -> None:
    """NaN is no score then, and the task is no data set; the infinite ones still are scores."""
    records = on_tasks(make_records)
    found = ranked(records, missing="leave_out")
    assert (found.ranking.left_out, len(found.ranking.scores)) == (1, 3)
    figure = figure_of(records, kind="ranking", y="y", x="m", over=["task"], missing="leave_out")
    assert "Without a score, as all readings are NaN or infinite: m=b, task=3." in note_of(figure)
    assert "Ranked last: " in whole_note(GraphSpec(kind="ranking", y="y", x="m", over=("task",)), records)


def test_what_has_not_run_yet_is_neither_solved_nor_unsolved(make_records) -> None:
    """A task counts once each method has run it; a method that has not begun is not drawn."""
    full = on_tasks(make_records, missing=lambda p: {"pending": 3} if p["task"] == 3 else {})
    kept = [
        member
        if member.parameters["task"] < 3 and member.parameters["m"] != "c"
        else type(member)(member.id, member.parameters, (), {-member.id: "pending"})
        for member in full.configurations
    ]
    records = SeriesRecords("made-up", kept, labels=full.labels)
    figure = figure_of(records, kind="profile", y="y", hue="m", over=["task"])
    assert {name: drawn[1][-1] for name, drawn in staircases(figure).items()} == {"a": 2 / 3, "b": 2 / 3}
    assert "over 3 problems" in note_of(figure)
    assert "Left out, as none is completed: m=a, task=3;" in note_of(figure)
    assert "6 not run (6 pending), so not counted." in note_of(figure)


def test_profiles_without_a_common_task_say_so(make_records) -> None:
    """Each method has run another task: nothing can be compared."""
    full = on_tasks(make_records)
    kept = [
        member
        for member in full.configurations
        if (member.parameters["m"], member.parameters["task"]) in {("a", 0), ("b", 1)}
    ]
    records = SeriesRecords("made-up", kept, labels=full.labels)
    with pytest.raises(GraphError, match=r"no problem that every method has run.*m=a, task=1; m=b, task=0$"):
        figure_of(records, kind="profile", y="y", hue="m", over=["task"])


@pytest.mark.parametrize(("goal", "start"), [("min", -INF), ("max", INF)])
def test_what_was_solved_from_the_start_is_within_any_factor(make_records, goal: str, start: float) -> None:
    """Nothing else is within a factor of it."""
    table = {("a", 0): start, ("b", 0): 5.0, ("a", 1): 2.0, ("b", 1): 2.0}
    records = make_records(
        {"m": ["a", "b"], "task": [0, 1]},
        results=lambda p, _r: {"y": table[p["m"], p["task"]]},
        labels={"y": MetricSection(goal=goal)},
    )
    drawn = staircases(figure_of(records, kind="profile", y="y", hue="m", over=["task"]))
    assert (drawn["a"][1][-1], drawn["b"][1][-1]) == (1, 0.5)


def test_whole_numbers_beyond_floats_are_infinite_on_their_own_side(make_records) -> None:
    """A huge negative one is not huge and positive."""
    records = of_methods(make_records, {"a": [10**400, -(10**400), 1]}, "min")
    (member,) = records.configurations
    runs = Runs.of(Point.of([member], "y"), "min", missing_is_never=True)
    assert sorted(runs.readings.tolist()) == [-INF, 1, INF]
    assert (dict(runs.never), runs.from_start) == ({"inf": 1}, 1)
