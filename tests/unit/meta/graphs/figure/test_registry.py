"""What the artists of each kind show, against numbers computed in another way."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.container import ErrorbarContainer
from matplotlib.patches import StepPatch

from database.models import Outcome
from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.kinds.scatter import pareto_front
from meta.graphs.kinds.violin import density
from meta.records.attempts import AttemptRecord
from meta.records.errors import GraphError
from tests.figures import make_drawn, make_figure

LABELS = {"score": MetricSection(goal="max"), "cost": MetricSection(goal="min", unit="s")}


def gamma(parameters: dict[str, Any], repetition: int) -> float:
    seed = [*map(ord, "".join(map(str, parameters.values()))), repetition]
    return float(np.random.default_rng(seed).gamma(2.0))


def results(parameters: dict[str, Any], repetition: int) -> dict[str, float]:
    return {"score": gamma(parameters, repetition), "cost": 1 + gamma(parameters, repetition + 100)}


def readings(count: int, **parameters: Any) -> np.ndarray:
    return np.array([gamma(parameters, repetition) for repetition in range(count)])


def note_of(figure: Any) -> str:
    return figure.texts[-1].get_text().replace("\n", " ")


def test_points_are_means_beside_each_other(make_records) -> None:
    """A point has no line to its neighbours; hues stand beside each other, with whiskers."""
    records = make_records({"opt": ["sgd", "adam"], "k": [1, 2]}, results=results, repetitions=9)
    (axes,) = make_figure(GraphSpec(kind="point", y="score", x="opt", hue="k"), records).axes
    for line, k, offset in zip(axes.lines[2::3], (1, 2), (-0.2, 0.2), strict=True):
        assert line.get_linestyle() == "None"
        np.testing.assert_allclose(line.get_xdata(), [offset, 1 + offset])
        means = [readings(9, opt=name, k=k).mean() for name in ("sgd", "adam")]
        np.testing.assert_allclose(line.get_ydata(), means)
    assert len([found for found in axes.containers if isinstance(found, ErrorbarContainer)]) == 2


def test_strips_show_every_reading_near_its_category(make_records) -> None:
    """Each completed experiment is one dot, within the slot of its hue."""
    records = make_records({"opt": ["sgd", "adam"], "k": [1, 2]}, results=results, repetitions=30)
    (axes,) = make_figure(GraphSpec(kind="strip", y="score", x="opt", hue="k"), records).axes
    expected = [(name, k) for k in (1, 2) for name in ("sgd", "adam")]
    for line, (name, k) in zip(axes.lines, expected, strict=True):
        np.testing.assert_allclose(line.get_ydata(), readings(30, opt=name, k=k))
        middle = ("sgd", "adam").index(name) + (-0.2 if k == 1 else 0.2)
        offsets = np.abs(np.asarray(line.get_xdata()) - middle)
        assert offsets.max() <= 0.15
        assert len(np.unique(offsets)) == 30, "equal readings would hide each other"


def test_violins_are_cut_at_the_extremes_and_show_quartiles(make_records) -> None:
    """The shape reaches from the smallest to the largest reading, the line over the quartiles."""
    records = make_records({"opt": ["sgd", "adam"]}, results=results, repetitions=25)
    (axes,) = make_figure(GraphSpec(kind="violin", y="score", x="opt"), records).axes
    shapes = [found for found in axes.collections if isinstance(found, PolyCollection)]
    for shape, dot, name in zip(shapes, axes.lines, ("sgd", "adam"), strict=True):
        found = readings(25, opt=name)
        heights = shape.get_paths()[0].vertices[:, 1]
        np.testing.assert_allclose([heights.min(), heights.max()], [found.min(), found.max()])
        assert dot.get_ydata()[0] == pytest.approx(np.median(found))
        assert dot.get_markeredgecolor() != dot.get_markerfacecolor(), "a median at an end would vanish"


def test_a_density_is_that_of_its_definition() -> None:
    """Gaussians with Scott's bandwidth around each reading; equal readings make a flat line."""
    found = np.random.default_rng(1).normal(5, 2, size=40)
    at, heights = density(found)
    width = found.std(ddof=1) * 40 ** (-1 / 5)
    expected = np.exp(-0.5 * ((at[:, None] - found) / width) ** 2).sum(axis=1)
    np.testing.assert_allclose(heights, expected / expected.max())
    assert density(np.full(12, 1e300))[0].tolist() == [1e300, 1e300]


def test_few_readings_are_no_violin(make_records) -> None:
    """Fewer than ten repetitions are dots, and the note says so."""
    records = make_records({"opt": ["sgd", "adam"]}, results=results, repetitions=9)
    figure = make_figure(GraphSpec(kind="violin", y="score", x="opt"), records)
    assert not figure.axes[0].collections
    assert [len(line.get_ydata()) for line in figure.axes[0].lines] == [9, 9]
    assert "Of fewer than 10 repetitions each reading is shown." in note_of(figure)


def test_distribution_functions_rise_by_one_nth_at_each_reading(make_records) -> None:
    """At each reading the staircase has the share of readings up to it."""
    records = make_records({"opt": ["sgd", "adam"]}, results=results, repetitions=8, labels=LABELS)
    (axes,) = make_figure(GraphSpec(kind="ecdf", y="cost", hue="opt"), records).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("cost (s)", "share of experiments")
    for line, name in zip(axes.lines, ("sgd", "adam"), strict=True):
        found = [results({"opt": name}, repetition)["cost"] for repetition in range(8)]
        assert line.get_drawstyle() == "steps-post"
        for x, y in zip(line.get_xdata()[1:], line.get_ydata()[1:], strict=True):
            assert y == np.mean(np.array(found) <= x)
        assert (line.get_ydata()[0], line.get_ydata()[-1]) == (0, 1)


@pytest.mark.parametrize(("scale", "bins"), [("linear", 7), ("log", 7), ("linear", None)])
def test_histograms_share_their_bins_and_count_everything(make_records, scale: str, bins: int | None) -> None:
    """All lines and panels have the same edges, and every reading is in one bin."""
    records = make_records({"opt": ["sgd", "adam"], "f": [1, 2]}, results=results, repetitions=40)
    spec = GraphSpec(kind="histogram", y="cost", hue="opt", facet="f", bins=bins, scale=scale)
    figure = make_figure(spec, records)
    outlines = [
        patch.get_data() for axes in figure.axes for patch in axes.patches if isinstance(patch, StepPatch)
    ]
    assert len(outlines) == 8, "outline and filling of each"
    edges = outlines[0].edges
    places = np.log(edges) if scale == "log" else edges
    np.testing.assert_allclose(np.diff(places), np.diff(places)[0])
    assert bins is None or len(edges) == bins + 1
    for outline in outlines:
        np.testing.assert_array_equal(outline.edges, edges)
        assert outline.values.sum() == 40
    assert figure.axes[0].get_xscale() == scale


def test_heatmaps_have_the_means_in_their_cells(make_records) -> None:
    """Rows and columns are the values of two parameters; numbers ascend upwards."""
    records = make_records({"lr": [1, 2, 3], "k": [4, 5]}, results=results, repetitions=6, labels=LABELS)
    figure = make_figure(GraphSpec(kind="heatmap", y="cost", x="lr", rows="k"), records)
    axes, bar = figure.axes
    (mesh,) = (found for found in axes.collections if isinstance(found, QuadMesh))
    expected = [
        [np.mean([results({"lr": lr, "k": k}, r)["cost"] for r in range(6)]) for lr in (1, 2, 3)]
        for k in (4, 5)
    ]
    np.testing.assert_allclose(mesh.get_array(), expected)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["4", "5"]
    assert not axes.yaxis_inverted()
    assert [text.get_text() for text in axes.texts] == [f"{value:.3g}" for value in np.ravel(expected)]
    assert bar.get_ylabel() == "cost (s)"


def test_a_cell_without_survivors_is_empty_and_named(make_records) -> None:
    """What failed everywhere has no colour and no number; unequal cells say their n."""
    records = make_records(
        {"lr": [1, 2], "opt": ["sgd", "adam"]},
        results=lambda p, r: None if p == {"lr": 2, "opt": "sgd"} or (p["lr"] == 1 and r) else results(p, r),
        missing=lambda p: {"crashed": 5} if p == {"lr": 2, "opt": "sgd"} else {},
    )
    figure = make_figure(GraphSpec(kind="heatmap", y="score", x="lr", rows="opt"), records)
    (mesh,) = (found for found in figure.axes[0].collections if isinstance(found, QuadMesh))
    assert mesh.get_array().mask.tolist() == [[False, True], [False, False]]
    assert [text.get_text().partition("\n")[2] for text in figure.axes[0].texts] == ["n=1", "n=1", "n=5"]
    assert "Nothing to show, as all failed: opt=sgd, lr=2." in note_of(figure)


def test_scatter_graphs_have_a_point_per_configuration(make_records) -> None:
    """Both means with whiskers; experiments that lack one result are in neither."""

    def some(parameters: dict[str, Any], repetition: int) -> dict[str, float]:
        found = results(parameters, repetition)
        return {"score": found["score"]} if repetition == 0 else found

    records = make_records({"opt": ["sgd", "adam"], "k": [1, 2, 3]}, results=some, repetitions=7)
    figure = make_figure(GraphSpec(kind="scatter", y="score", x="cost", hue="opt"), records)
    points = [line for line in figure.axes[0].lines if line.get_label() in ("sgd", "adam")]
    for line, name in zip(points, ("sgd", "adam"), strict=True):
        both = [[results({"opt": name, "k": k}, r) for r in range(1, 7)] for k in (1, 2, 3)]
        np.testing.assert_allclose(
            line.get_xdata(), [np.mean([one["cost"] for one in some]) for some in both]
        )
        np.testing.assert_allclose(
            line.get_ydata(), [np.mean([one["score"] for one in some]) for some in both]
        )
    assert "6 completed without 'cost' or 'score' left out." in note_of(figure)
    told = make_drawn(GraphSpec(kind="scatter", y="score", x="cost"), records).note.details
    assert "No Pareto front, as metrics gives no goal to both results." in told


def test_the_front_is_what_nothing_dominates() -> None:
    """Compared with trying all pairs, for every combination of goals."""
    points = np.random.default_rng(3).integers(0, 8, size=(30, 2)).astype(float)
    for goals in (("min", "min"), ("max", "min"), ("min", "max"), ("max", "max")):
        signs = np.array([1 if goal == "min" else -1 for goal in goals])
        costs = points * signs
        best = {
            tuple(points[place])
            for place, one in enumerate(costs)
            if not any((other <= one).all() and (other < one).any() for other in costs)
        }
        assert {tuple(point) for point in pareto_front(points, goals)} == best


def test_the_front_is_drawn_by_the_goals_of_the_file(make_records) -> None:
    """Cheap and good: the staircase joins the points that no other beats in both."""
    table = {"a": (1.0, 1.0), "b": (2.0, 3.0), "c": (3.0, 2.0), "d": (4.0, 4.0)}
    records = make_records(
        {"m": list(table)},
        results=lambda p, _r: dict(zip(("cost", "score"), table[p["m"]], strict=True)),
        labels=LABELS,
    )
    figure = make_figure(GraphSpec(kind="scatter", y="score", x="cost"), records)
    (front,) = (line for line in figure.axes[0].lines if line.get_label() == "Pareto front")
    assert list(zip(front.get_xdata(), front.get_ydata(), strict=True)) == [(1, 1), (2, 3), (4, 4)]
    assert front.get_drawstyle() == "steps-post"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Pareto front"]


def solved(parameters: dict[str, Any], _repetition: int) -> dict[str, float] | None:
    costs = {"p1": {"a": 1.0, "b": 2.0}, "p2": {"a": 4.0, "b": 1.0}, "p3": {"a": 3.0}}
    found = costs[parameters["problem"]].get(parameters["solver"])
    return None if found is None else {"cost": found, "score": 1 / found}


@pytest.mark.parametrize("y", ["cost", "score"])
def test_profiles_are_shares_of_problems_by_factor(make_records, y: str) -> None:
    """Dolan and More's definition by hand; a problem that a solver never completed is not solved."""
    records = make_records(
        {"problem": ["p1", "p2", "p3"], "solver": ["a", "b"]},
        results=solved,
        labels=LABELS,
        missing=lambda p: {} if solved(p, 0) else {"error": 5},
    )
    spec = GraphSpec(kind="profile", y=y, hue="solver", over=("problem",))
    figure = make_figure(spec, records)
    first, second = figure.axes[0].lines
    for line, shares in ((first, {1: 2 / 3, 2: 2 / 3, 4: 1}), (second, {1: 1 / 3, 2: 2 / 3, 4: 2 / 3})):
        for factor, share in shares.items():
            place = np.searchsorted(line.get_xdata(), factor + 1e-9) - 1
            assert line.get_ydata()[place] == pytest.approx(share)
    assert "performance profile over 3 problems (problem)" in note_of(figure)


@pytest.mark.parametrize(
    ("cost", "goal", "message"),
    [
        (0.0, "min", "costs must be positive"),
        (-1.0, "max", "scores must be positive"),
        (1.0, None, "goal: min"),
    ],
)
def test_profiles_that_mean_nothing_are_refused(make_records, cost, goal, message) -> None:
    """A factor needs positive numbers, and the direction that is better."""
    records = make_records(
        {"problem": [1, 2], "solver": ["a", "b"]},
        results=lambda _p, _r: {"cost": cost},
        labels={"cost": MetricSection(goal=goal)},
    )
    with pytest.raises(GraphError, match=message):
        make_figure(GraphSpec(kind="profile", y="cost", hue="solver", over=("problem",)), records)


def test_rankings_show_average_ranks_and_cliques(make_records) -> None:
    """Lines start at the ranks, bars join what does not differ, the critical difference has its length."""
    order = ["a", "b", "c", "d"]
    records = make_records(
        {"m": order, "data": list(range(15))},
        results=lambda p, r: {"score": {"a": 9, "b": 8.9, "c": 1, "d": 0}[p["m"]] + gamma(p, r) / 4},
        labels=LABELS,
    )
    spec = GraphSpec(kind="ranking", y="score", x="m", over=("data",))
    figure = make_figure(spec, records)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    means = np.array(
        [
            [
                np.mean(
                    [
                        {"a": 9, "b": 8.9, "c": 1, "d": 0}[m] + gamma({"m": m, "data": d}, r) / 4
                        for r in range(5)
                    ]
                )
                for m in order
            ]
            for d in range(15)
        ]
    )
    ranks = (-means).argsort(axis=1).argsort(axis=1).mean(axis=0) + 1
    for name, rank in zip(order, ranks, strict=True):
        assert lines[name].get_xdata()[0] == pytest.approx(rank)
    # Demsar (2006), table 5: q = 2.569 for four methods at 5 %.
    length = np.ptp(lines["critical difference"].get_xdata())
    assert length == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 15)), abs=2e-3)
    bars = [line for line in figure.axes[0].lines if line.get_label() == "no significant difference"]
    assert any(bar.get_xdata()[0] < ranks[0] and bar.get_xdata()[1] > ranks[1] for bar in bars)
    assert not any(bar.get_xdata()[0] < ranks[0] and bar.get_xdata()[1] > ranks[3] for bar in bars)
    assert {text.get_text() for text in figure.axes[0].texts} >= {
        f"{name} ({rank:.2f})" for name, rank in zip(order, ranks, strict=True)
    }


def test_two_methods_are_no_ranking(make_records) -> None:
    """What the statistics refuse is said with the names of the parameters."""
    records = make_records({"m": ["a", "b"], "data": [1, 2, 3]}, results=results, labels=LABELS)
    with pytest.raises(
        GraphError, match=r"three methods or more, not 2.*values of m, data sets those of data"
    ):
        make_figure(GraphSpec(kind="ranking", y="score", x="m", over=("data",)), records)


def attempts() -> list[AttemptRecord]:
    start = datetime(2026, 3, 1, tzinfo=UTC)

    def at(seconds: float) -> datetime:
        return start + timedelta(seconds=seconds)

    return [
        AttemptRecord(1, 1, "host", "w1", Outcome.COMPLETED, at(0), at(40)),
        AttemptRecord(2, 2, "host", "w2", Outcome.TIMED_OUT, at(10), at(70)),
        AttemptRecord(1, 1, "host", "w1", Outcome.COMPLETED, at(50), at(80)),
        AttemptRecord(1, 1, "host", "w1", None, at(90), None),
    ]


def test_time_lines_show_each_attempt_on_the_row_of_its_worker(make_records) -> None:
    """From start to end in the colour of the outcome; it needs no completed experiment."""
    records = make_records({"k": [1, 2]}, repetitions=0)
    records = dataclasses.replace(records, attempts=attempts())
    figure = make_figure(GraphSpec(kind="timeline"), records)
    shapes = {found.get_label(): found for found in figure.axes[0].collections}
    assert set(shapes) == {"completed", "timed out", "running"}
    spans = [
        (path.vertices[:, 0].min(), path.vertices[:, 0].max(), round(path.vertices[:, 1].mean()))
        for path in shapes["completed"].get_paths()
    ]
    assert [tuple(path) for path in spans] == [(0, 40, 0), (50, 80, 0)]
    (path,) = shapes["timed out"].get_paths()
    assert path.vertices[:, 0].min() == 10
    assert figure.axes[0].get_xlabel() == "time since the first start (s)"
    assert "4 attempts of 2 workers: 2 completed, 1 timed out, 1 running." in note_of(figure)
    chosen = make_figure(GraphSpec(kind="timeline", where={"k": 2}), records)
    assert [found.get_label() for found in chosen.axes[0].collections] == ["timed out"]


def test_nothing_started_is_no_time_line(make_records) -> None:
    """A series that waits has nothing to draw."""
    with pytest.raises(GraphError, match="no experiment of 'made-up' was started yet"):
        make_figure(GraphSpec(kind="timeline"), make_records({"k": [1]}, repetitions=0))
