"""The numbers behind figures, as a report writes them: against numbers computed in another way."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import numpy as np
import pytest

from database.models import Outcome
from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphKind, GraphSpec
from meta.formats.csv_format import write_rows
from meta.graphs.figure.registry import KINDS
from meta.graphs.figure.render import draw
from meta.graphs.generation.requests import plan_graph
from meta.records.attempts import AttemptRecord
from meta.statistics.estimators.curves import Curve
from tests.figures import compute, make_task

LABELS = {"score": MetricSection(goal="max"), "cost": MetricSection(goal="min")}
STEPS = np.arange(0, 50, 10)
REPETITIONS = 12


def score(parameters: Mapping[str, Any], repetition: int) -> float:
    return float(np.random.default_rng([parameters["k"], len(parameters["opt"]), repetition]).normal(5))


def scores(opt: str, k: int) -> np.ndarray:
    return np.array([score({"opt": opt, "k": k}, repetition) for repetition in range(REPETITIONS)])


@pytest.fixture
def records(make_records):
    return make_records(
        {"opt": ["sgd", "adam"], "k": [1, 2, 3]},
        results=lambda parameters, repetition: {
            "score": score(parameters, repetition),
            "cost": parameters["k"] + repetition / 10,
        },
        curves=lambda parameters, repetition: {"loss": Curve(STEPS, STEPS + score(parameters, repetition))},
        repetitions=REPETITIONS,
        labels=LABELS,
    )


def table(spec: GraphSpec, records) -> str:
    plan, part = plan_graph(spec, records)
    stream = io.StringIO(newline="")
    write_rows(stream, list(KINDS[plan.rules.name].rows(plan, compute(plan, part))))
    return stream.getvalue()


def data(spec: Mapping[str, Any], records) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table(GraphSpec.model_validate(spec), records), newline="")))


def test_estimates_with_their_intervals(records) -> None:
    """A row per point: the parameters by their names and values, the mean, its ends, and n."""
    rows = data({"kind": "line", "y": "score", "x": "k", "hue": "opt"}, records)
    assert [(row["parameters.opt"], row["parameters.k"]) for row in rows] == [
        (opt, str(k)) for opt in ("sgd", "adam") for k in (1, 2, 3)
    ]
    for row in rows:
        expected = scores(row["parameters.opt"], int(row["parameters.k"]))
        assert float(row["value"]) == pytest.approx(expected.mean(), rel=1e-14)
        assert float(row["low"]) < expected.mean() < float(row["high"])
        assert (row["n"], row["result"]) == (str(REPETITIONS), "score")


@pytest.mark.parametrize("kind", ["bar", "point", "heatmap"])
def test_other_kinds_of_estimates(records, kind: str) -> None:
    """Bars, points and heatmaps have the same rows; a heatmap has no interval."""
    role = "rows" if kind == "heatmap" else "hue"
    rows = data({"kind": kind, "y": "score", "x": "opt", role: "k"}, records)
    assert len(rows) == 6
    for row in rows:
        expected = scores(row["parameters.opt"], int(row["parameters.k"])).mean()
        assert float(row["value"]) == pytest.approx(expected, rel=1e-14)
        assert ("low" in row) == (kind != "heatmap")


def test_curves_by_step(records) -> None:
    """A row per step of each line."""
    rows = data({"kind": "curve", "y": "loss", "x": "step", "hue": "opt", "facet": "k"}, records)
    assert len(rows) == 6 * len(STEPS)
    for row in rows:
        expected = scores(row["parameters.opt"], int(row["parameters.k"])).mean() + int(row["step"])
        assert float(row["value"]) == pytest.approx(expected, rel=1e-14)
        assert row["metric"] == "loss"


@pytest.mark.parametrize("kind", ["box", "violin", "strip"])
def test_kinds_of_readings_have_each_of_them(records, kind: str) -> None:
    """Whoever wants other quantiles computes them from the same readings."""
    rows = data({"kind": kind, "y": "score", "x": "opt", "hue": "k"}, records)
    for opt in ("sgd", "adam"):
        for k in (1, 2, 3):
            here = [row for row in rows if (row["parameters.opt"], row["parameters.k"]) == (opt, str(k))]
            np.testing.assert_array_equal([float(row["value"]) for row in here], scores(opt, k))


def test_staircases_bins_and_shares(records) -> None:
    """Distributions and profiles have the steps that are drawn."""
    pooled = np.concatenate([scores("sgd", k) for k in (1, 2, 3)])
    rows = data({"kind": "ecdf", "y": "score", "hue": "opt", "over": "k"}, records)
    found = [(float(row["value"]), float(row["share"])) for row in rows if row["parameters.opt"] == "sgd"]
    assert found == list(zip(sorted(pooled), np.arange(1, 37) / 36, strict=True))

    rows = data({"kind": "histogram", "y": "score", "hue": "opt", "over": "k", "bins": 7}, records)
    here = [row for row in rows if row["parameters.opt"] == "sgd"]
    edges = [float(here[0]["low"]), *(float(row["high"]) for row in here)]
    assert [int(row["n"]) for row in here] == np.histogram(pooled, edges)[0].tolist()
    assert len(here) == 7

    rows = data({"kind": "profile", "y": "cost", "hue": "opt", "over": "k"}, records)
    assert {(row["factor"], row["share"], row["n"]) for row in rows} == {("1.0", "1.0", "3")}


def test_scatter_has_both_results_and_the_front(records) -> None:
    """A row per configuration, with all that tells it from the others."""
    rows = data({"kind": "scatter", "y": "score", "x": "cost", "hue": "opt"}, records)
    points = {(row["parameters.opt"], int(row["parameters.k"])): row for row in rows}
    assert len(points) == 6
    for (opt, k), row in points.items():
        assert float(row["x"]) == pytest.approx(k + 0.55, rel=1e-14)
        assert float(row["value"]) == pytest.approx(scores(opt, k).mean(), rel=1e-14)
        better = [
            other
            for (_, cost), other in points.items()
            if cost <= k and float(other["value"]) > float(row["value"])
        ]
        assert row["on_front"] == ("false" if better else "true")
        assert (row["x_result"], row["result"]) == ("cost", "score")


def test_rankings_say_which_bars_join(records) -> None:
    """A row per method, best first."""
    rows = data({"kind": "ranking", "y": "cost", "x": "k", "over": "opt", "order": [3]}, records)
    assert [(row["parameters.k"], row["average_rank"], row["data_sets"]) for row in rows] == [
        ("1", "1.0", "2"),
        ("2", "2.0", "2"),
        ("3", "3.0", "2"),
    ]
    assert {row["bars"] for row in rows} == {"1"}  # of two data sets nothing follows
    assert float(rows[0]["critical_difference"]) > 1


def test_values_in_rankings_are_those_of_other_kinds(make_records) -> None:
    """Not their labels: numbers stay numbers, and other files can be joined by them."""
    records = make_records(
        {"k": [-3, [1, 2], None], "opt": ["a", "b"]},
        results=lambda parameters, repetition: {"score": len(str(parameters["k"])) + repetition},
        labels=LABELS,
    )
    ranking = data({"kind": "ranking", "y": "score", "x": "k", "over": "opt"}, records)
    bars = data({"kind": "bar", "y": "score", "x": "k", "over": "opt"}, records)
    assert {row["parameters.k"] for row in ranking} == {row["parameters.k"] for row in bars}
    assert {row["parameters.k"] for row in ranking} == {"-3", "[1, 2]", ""}


def test_shares_of_equal_readings(make_records) -> None:
    """The share is that of the readings that are at most so much, also among equal ones."""
    records = make_records({"k": [1]}, results=lambda _, repetition: {"y": repetition // 2}, repetitions=4)
    rows = data({"kind": "ecdf", "y": "y"}, records)
    assert [(row["value"], row["share"]) for row in rows] == [("0.0", "0.5")] * 2 + [("1.0", "1.0")] * 2


@pytest.mark.filterwarnings("ignore:Glyph")
def test_control_characters_leave_pictures_readable(make_records) -> None:
    """An SVG stays XML whatever results and labels are called."""
    records = make_records(
        {"k": [1, 2]},
        results=lambda _, repetition: {"a\x08c": repetition},
        labels={"a\x08c": MetricSection(label="L\x01\uffff", unit="\x1f")},
    )
    spec = GraphSpec(kind="bar", y="a\x08c", x="k")
    assert ElementTree.fromstring(draw(make_task(spec, records)).files["svg"]).tag.endswith("svg")


def test_time_lines_have_a_row_per_attempt(records) -> None:
    """What still runs has no end."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [begin + timedelta(seconds=second) for second in range(4)]
    attempts = [
        AttemptRecord(1, 1, "here", "w", Outcome.ERROR, moments[0], moments[1]),
        AttemptRecord(1, 1, "here", "w", None, moments[2], None),
        AttemptRecord(2, 2, "here", "v", Outcome.COMPLETED, moments[1], moments[3]),
    ]
    rows = data({"kind": "timeline"}, replace(records, attempts=attempts))
    assert sorted((row["started_s"], row["finished_s"], row["outcome"]) for row in rows) == [
        ("0.0", "1.0", "error"),
        ("1.0", "3.0", "completed"),
        ("2.0", "", "running"),
    ]


def test_the_page_names_the_columns(records) -> None:
    """What docs/reports.md says of each kind is what the file has."""
    page = (Path(__file__).parents[5] / "docs" / "reports.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (`[^|]+) \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE)
    told = {
        kind.strip("`"): set(re.findall("`(.+?)`", columns))
        for kinds, columns in table
        for kind in kinds.split(", ")
    }
    asked = {
        "line": {"y": "score", "x": "k", "hue": "opt"},
        "box": {"y": "score", "x": "k", "hue": "opt"},
        "ecdf": {"y": "score", "hue": "opt", "over": "k"},
        "histogram": {"y": "score", "hue": "opt", "over": "k"},
        "scatter": {"y": "score", "x": "cost"},
        "profile": {"y": "cost", "hue": "opt", "over": "k"},
        "ranking": {"y": "cost", "x": "k", "over": "opt"},
        "curve": {"y": "loss", "x": "step", "facet": "k", "hue": "opt"},
    }
    assert set(told) == set(get_args(GraphKind))
    for kind, spec in asked.items():
        (first, *_) = data({"kind": kind, **spec}, records)
        found = {name for name in first if not name.startswith("parameters.")} - {"result", "metric"}
        assert found == told[kind] - ({"seconds"} if kind == "curve" else set()), kind


def test_numbers_and_pictures_only_where_they_are_wanted(records) -> None:
    """`experiments graphs` writes what the file asks for; a report has a PNG and the numbers besides."""
    task = make_task(GraphSpec(kind="bar", y="score", x="opt", hue="k", formats=("svg",)), records)
    plain, reported = draw(task), draw(replace(task, is_for_report=True))
    assert (list(plain.files), plain.data) == (["svg"], b"")
    assert list(reported.files) == ["svg", "png"]
    assert reported.data.decode() == table(task.spec, records)
    assert reported.files["svg"] == plain.files["svg"]
    assert reported.note == plain.note
    assert plain.note.below == "made-up: mean with 95 % t interval (whiskers) over n = 12 repetitions."
