"""What is drawn for what a series file asks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.data.plan import make_plan
from meta.records.errors import GraphError
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.curves import Curve
from tests.figures import compute

CURVE = Curve(np.arange(3, dtype=np.int64), np.zeros(3))


@pytest.fixture
def records(make_records) -> SeriesRecords:
    return make_records(
        {"lr": [0.1, 0.01, 0.001], "opt": ["sgd", "adam"], "epochs": [20]},
        results=lambda _p, _r: {"accuracy": 1.0, "metrics.loss.last": 2.0},
        curves=lambda _p, _r: {"loss": CURVE},
        repetitions=2,
    )


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"x": "step", "y": "loss"}, "curve"),
        ({"x": "lr", "y": "accuracy"}, "line"),
        ({"x": "opt", "y": "accuracy"}, "bar"),
        ({"x": "epochs", "y": "accuracy"}, "bar"),
        ({"x": "lr", "y": "accuracy", "kind": "box"}, "box"),
    ],
)
def test_kind_follows_from_x(records: SeriesRecords, asked: dict[str, str], kind: str) -> None:
    """Without a kind: steps make a curve, three numbers or more a line, anything else bars."""
    assert make_plan(GraphSpec(**asked), records).rules.name == kind


def test_parameters_nobody_named_tell_lines_apart(records: SeriesRecords) -> None:
    """Every parameter that varies and is no x, hue or facet joins the hue: nothing is pooled."""
    assert make_plan(GraphSpec(y="accuracy", x="lr"), records).hues == ("opt",)
    plan = make_plan(GraphSpec(y="loss", x="step", hue="opt"), records)
    assert plan.hues == ("opt", "lr")
    assert plan.line_label(records.configurations[0].parameters) == "opt=sgd, lr=0.1"
    for spec in (GraphSpec(y="loss", x="step"), GraphSpec(y="accuracy", x="lr", facet="opt")):
        panels = compute(make_plan(spec, records), records).panels
        assert all((line.interval.count == 2).all() for panel in panels for line in panel.lines)


def test_a_parameter_that_some_configurations_lack_tells_them_apart(records: SeriesRecords) -> None:
    """Configurations with and without a parameter are never one line, even if its value is null."""
    first, second, *_ = records.configurations
    mixed = dataclasses.replace(
        records,
        configurations=[
            dataclasses.replace(first, parameters={"a": 1, "warmup": None}),
            dataclasses.replace(second, parameters={"a": 1}),
        ],
    )
    (panel,) = compute(make_plan(GraphSpec(y="loss", x="step"), mixed), mixed).panels
    assert [line.label for line in panel.lines] == ["null", "absent"]


@pytest.fixture
def together(records: SeriesRecords) -> SeriesRecords:
    """Return records in which each optimiser has parameters of its own."""
    choices = [
        {"opt.momentum": 0.9, "opt.name": "sgd"},
        {"opt.name": "adam", "opt.lr": 0.001},
        {"opt.name": "rms", "opt.lr": 0.001},
    ]
    parameters = [{**choice, "depth": depth} for choice in choices for depth in (1, 2)]
    return dataclasses.replace(
        records,
        configurations=[
            dataclasses.replace(found, parameters=own)
            for found, own in zip(records.configurations, parameters, strict=True)
        ],
    )


@pytest.mark.parametrize(
    ("asked", "hues"),
    [
        ({"x": "opt.name", "y": "accuracy"}, ("depth",)),
        ({"x": "step", "y": "loss", "hue": "opt.name"}, ("opt.name", "depth")),
        ({"x": "step", "y": "loss", "facet": "opt.name", "hue": "depth"}, ("depth",)),
        ({"x": "opt.lr", "y": "accuracy"}, ("opt.name", "depth")),
        ({"x": "depth", "y": "accuracy"}, ("opt.name",)),
    ],
)
def test_parameters_that_change_together_are_one(
    together: SeriesRecords, asked: dict[str, str], hues: tuple[str, ...]
) -> None:
    """What is a function of x, hue and facet tells no lines apart, yet nothing is pooled."""
    plan = make_plan(GraphSpec(**asked), together)
    assert plan.hues == hues
    for panel in compute(plan, together).panels:
        assert all((line.interval.count == 2).all() for line in panel.lines)


def test_bars_of_parameters_that_change_together_stand_in_their_places(together: SeriesRecords) -> None:
    """Of two lines and three categories each line has a bar in each category."""
    (panel,) = compute(make_plan(GraphSpec(y="accuracy", x="opt.name"), together), together).panels
    assert [(line.label, line.x.tolist()) for line in panel.lines] == [("1", [0, 1, 2]), ("2", [0, 1, 2])]


def test_lines_are_in_the_order_of_their_values(make_records) -> None:
    """Also when the first panel lacks the first of them: the legend is ordered, and colours are stable."""
    records = make_records({"f": [1, 2], "k": [1, 2, 3], "c": [0]}, results=lambda _p, _r: {"y": 1.0})
    sparse = dataclasses.replace(records, configurations=records.configurations[1:])
    first, second = compute(make_plan(GraphSpec(y="y", x="c", facet="f", hue="k"), sparse), sparse).panels
    assert [(line.label, line.number) for line in first.lines] == [("2", 1), ("3", 2)]
    assert [(line.label, line.number) for line in second.lines] == [("1", 0), ("2", 1), ("3", 2)]


def test_y_is_a_result_or_else_the_last_value_of_a_metric(records: SeriesRecords) -> None:
    """A result of the name wins; for a curve only the metric will do."""
    assert make_plan(GraphSpec(y="accuracy", x="lr"), records).y.key == "accuracy"
    assert make_plan(GraphSpec(y="loss", x="lr"), records).y.key == "metrics.loss.last"
    assert make_plan(GraphSpec(y="metrics.loss.last", x="lr"), records).y.key == "metrics.loss.last"
    assert make_plan(GraphSpec(y="loss", x="step"), records).y.key == "loss"


@pytest.mark.parametrize(
    ("asked", "label"),
    [
        ({"x": "step", "y": "loss"}, "Training loss (nats)"),
        ({"x": "lr", "y": "loss"}, "Training loss (last, nats)"),
        ({"x": "lr", "y": "metrics.loss.min"}, "Training loss (min, nats)"),
        ({"x": "lr", "y": "metrics.loss.count"}, "Training loss (count)"),
        ({"x": "lr", "y": "metrics.error.last"}, "error (last)"),
        ({"x": "lr", "y": "error"}, "error (last)"),
        ({"x": "lr", "y": "accuracy"}, "accuracy"),
    ],
)
def test_the_y_axis_says_which_value_of_a_metric_is_drawn(
    make_records, asked: dict[str, str], label: str
) -> None:
    """A metric drawn by one value per experiment says by which, before the unit."""
    names = ("metrics.loss.last", "metrics.loss.min", "metrics.loss.count", "metrics.error.last", "accuracy")
    records = make_records(
        {"lr": [1, 2]},
        results=lambda _p, _r: dict.fromkeys(names, 1.0),
        curves=lambda _p, _r: {"loss": CURVE},
        labels={"loss": MetricSection(label="Training loss", unit="nats", goal="min")},
    )
    assert make_plan(GraphSpec(**asked), records).y.axis_label() == label


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"x": "lrr", "y": "accuracy"}, r"x: there is no parameter named 'lrr'; did you mean 'lr'\?"),
        ({"x": "lr", "y": "accuracy", "hue": "optt"}, r"hue: .* did you mean 'opt'\?"),
        ({"x": "lr", "y": "accuracy", "facet": "opt2"}, r"facet: .* did you mean 'opt'\?"),
        ({"x": "lr", "y": "acuracy"}, r"no result or metric named 'acuracy'; did you mean 'accuracy'\?"),
        (
            {"x": "step", "y": "los"},
            r"no completed experiment logged a metric named 'los'; did you mean 'loss'",
        ),
        ({"x": "step", "y": "accuracy"}, "it is a result, which has no steps"),
        ({"x": "lr", "y": "loss", "kind": "curve"}, "write x: step or x: seconds, not x: lr"),
        ({"x": "step", "y": "loss", "kind": "box"}, "x: step needs kind: curve"),
    ],
)
def test_wrong_names_are_answered_with_the_right_ones(
    records: SeriesRecords, asked: dict[str, str], message: str
) -> None:
    """What cannot be drawn says why, and what could."""
    with pytest.raises(GraphError, match=message):
        make_plan(GraphSpec(**asked), records)


def test_a_wrong_metric_is_answered_with_those_that_were_not_read(make_records) -> None:
    """Only the curves of graphs are read; the message names what was logged all the same."""
    records = make_records({"lr": [1, 2]}, results=lambda _p, _r: {"metrics.loss.last": 1.0})
    with pytest.raises(GraphError, match=r"did you mean 'loss'\? logged metrics: loss"):
        make_plan(GraphSpec(x="step", y="los"), records)


def test_a_result_that_is_no_number_says_so(make_records) -> None:
    """A graph of a list or a text says what it is, unless some experiments have a number there."""
    results = {"list": [1.0, 2.0], "text": "a", "nothing": None, "some": 1.0}

    def of(_parameters, repetition):
        return {**results, "some": [1.0] if repetition else 1.0}

    records = make_records({"lr": [1]}, results=of)
    with pytest.raises(
        GraphError, match=r"y: the result 'list' is a list, not a number; return a number of it"
    ):
        make_plan(GraphSpec(y="list", x="lr"), records)
    with pytest.raises(GraphError, match=r"y: the result 'text' is text, not a number"):
        make_plan(GraphSpec(y="text", x="lr"), records)
    for name in ("nothing", "some"):
        assert make_plan(GraphSpec(y=name, x="lr"), records).y.key == name


def test_a_series_without_completed_experiments_says_so(make_records) -> None:
    """All failed or none run yet: there is nothing to draw."""
    with pytest.raises(GraphError, match="no completed experiment yet"):
        make_plan(GraphSpec(y="a", x="lr"), make_records({"lr": [1]}, repetitions=0))


@pytest.mark.parametrize(
    ("grid", "asked", "message"),
    [
        (
            {"a": 5, "b": 5, "c": 2},
            {"y": "y", "x": "c"},
            r"25 lines .*a \(5 values\), b \(5 values\)\. Make one .* facet \(facet: a\), or .*over: b",
        ),
        (
            {"a": 30, "c": 2},
            {"y": "m", "x": "step", "hue": "a", "facet": "c"},
            r"30 lines .*a \(30 values\)\. Draw the last value against one of them \(x: a\), or average over",
        ),
        (
            {"a": 30, "b": 3, "c": 2},
            {"y": "y", "x": "c", "hue": "a", "facet": "b"},
            r"30 lines .*a \(30 values\)\. Average over .* choose some of their values \(where\)$",
        ),
    ],
)
def test_too_many_lines_are_refused_with_what_helps(
    make_records, grid: dict[str, int], asked: dict[str, str], message: str
) -> None:
    """The message lists what varies, and suggests roles that make fewer lines and are still free."""
    records = make_records(
        {name: list(range(size)) for name, size in grid.items()},
        results=lambda _p, _r: {"y": 1.0},
        curves=lambda _p, _r: {"m": CURVE},
        repetitions=1,
    )
    with pytest.raises(GraphError, match=message):
        compute(make_plan(GraphSpec(**asked), records), records)


def test_a_facet_makes_fewer_lines(make_records) -> None:
    """What the message suggests is then drawn."""
    grid = {"a": list(range(5)), "b": list(range(5)), "c": [1, 2]}
    records = make_records(grid, results=lambda _p, _r: {"y": 1.0}, repetitions=1)
    assert len(compute(make_plan(GraphSpec(y="y", x="c", facet="a"), records), records).panels) == 5


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"x": "lr", "y": "accuracy", "hue": "lr"}, "hue: 'lr' is already the x; name another parameter"),
        ({"x": "lr", "y": "accuracy", "facet": "lr"}, "facet.column: 'lr' is already the x"),
        (
            {"x": "step", "y": "loss", "hue": "lr", "facet": "lr"},
            "facet.column: 'lr' is already the hue; .* leave facet",
        ),
    ],
)
def test_a_parameter_has_one_role(records: SeriesRecords, asked: dict[str, str], message: str) -> None:
    """A parameter named twice is refused: one of its roles would show nothing."""
    with pytest.raises(GraphError, match=message):
        make_plan(GraphSpec(**asked), records)


def test_too_many_panels_are_refused(make_records) -> None:
    """More than 16 panels cannot be read."""
    records = make_records({"a": list(range(17)), "c": [1]}, results=lambda _p, _r: {"y": 1.0})
    with pytest.raises(GraphError, match="17 values, and more than 16 panels"):
        compute(make_plan(GraphSpec(y="y", x="c", facet="a"), records), records)


def test_only_text_is_nothing_to_draw(make_records) -> None:
    """A result that is never a finite number has no graph."""
    records = make_records({"a": [1, 2]}, results=lambda _p, r: {"y": "text" if r else float("nan")})
    with pytest.raises(GraphError, match="no completed experiment has a finite reading"):
        compute(make_plan(GraphSpec(y="y", x="a"), records), records)


def test_parameters_may_be_called_like_what_is_no_parameter(make_records) -> None:
    """Configurations that differ in a parameter called step or series are not pooled either."""
    records = make_records(
        {"step": [1, 2], "series": ["a", "b"]},
        results=lambda _p, r: {"y": float(r)},
        curves=lambda _p, _r: {"m": CURVE},
        repetitions=3,
    )
    for spec in (GraphSpec(kind="curve", y="m", x="step"), GraphSpec(kind="ecdf", y="y")):
        (panel,) = compute(make_plan(spec, records), records).panels
        assert [line.label for line in panel.lines] == [
            f"step={step}, series={series}" for step in (1, 2) for series in "ab"
        ]
        assert all((line.interval.count == 3).all() for line in panel.lines)
