"""Names of results and metrics in a series file, once results are known."""

from __future__ import annotations

from typing import Any

import pytest

from experiments.series_file.result_names import has_names, problems

SUMMARY = {"last": 1.0, "count": 3}
RESULTS = [
    {"accuracy": 0.5, "metrics": {"loss": SUMMARY, "val/loss": SUMMARY}},
    None,
    {"accuracy": 0.5, "f1": {"macro": 0.5}},
]


def wrong(**sections: Any) -> dict[tuple[str | int, ...], str]:
    return dict(problems({"grid": {"lr": [1, 2]}, **sections}, RESULTS))


@pytest.mark.parametrize(
    "graph",
    [
        {"y": "accuracy", "x": "lr"},
        {"y": "loss", "x": "lr"},
        {"y": "metrics.loss.count", "x": "lr"},
        {"y": "val/loss", "x": "seconds"},
        {"kind": "curve", "y": "loss"},
        {"kind": "scatter", "y": "accuracy", "x": "f1.macro"},
        {"kind": "timeline"},
        {"y": "loss", "x": "lr", "where": "accuracy > 0.1 and f1.macro > 0 and lr == 1"},
        {"y": "loss", "x": "lr", "where": "metrics.loss.last < 9"},
        {"y": "loss", "x": "lr", "where": {"lr": 1}},
        {"kind": "unheard of", "y": None},
        "no mapping",
    ],
)
def test_right_names(graph: Any) -> None:
    """A result, a metric, and a value of a metric's summary are what a graph may show."""
    assert wrong(graphs=[graph], tables=[{"y": "loss", "rows": "lr"}], metrics={"loss": {}}) == {}


@pytest.mark.parametrize(
    ("sections", "path", "message"),
    [
        (
            {"graphs": [{"y": "acuracy", "x": "lr"}]},
            ("graphs", 0, "y"),
            "'acuracy'; did you mean 'accuracy'? results and metrics: accuracy, f1.macro, loss, val/loss",
        ),
        (
            {"graphs": [{"y": "los", "x": "step"}]},
            ("graphs", 0, "y"),
            "no completed experiment logged a metric named 'los'; did you mean 'loss'? logged metrics: loss",
        ),
        ({"graphs": [{"kind": "curve", "y": "accuracy"}]}, ("graphs", 0, "y"), "it is a result, which has"),
        ({"graphs": [{"kind": "scatter", "y": "loss", "x": "lr"}]}, ("graphs", 0, "x"), "named 'lr'"),
        ({"tables": [{"y": "los", "rows": "lr"}]}, ("tables", 0, "y"), "did you mean 'loss'?"),
        ({"graphs": [{"kind": "timeline", "where": "acuracy > 0"}]}, ("graphs", 0, "where"), "'accuracy'?"),
        ({"tables": [{"y": "loss", "where": "f1.micro > 0"}]}, ("tables", 0, "where"), "'f1.macro'?"),
        (
            {
                "graphs": [
                    {"y": "loss", "x": "lr", "normalise": {"by": "lr", "low": "worst", "high": "f1.mcro"}}
                ]
            },
            ("graphs", 0, "normalise", "high"),
            "did you mean 'f1.macro'?",
        ),
        (
            {"tables": [{"y": "loss", "rows": "lr", "normalise": {"by": "lr", "low": "los", "high": 1}}]},
            ("tables", 0, "normalise", "low"),
            "did you mean 'loss'?",
        ),
        (
            {"analysis": {"resampled": {"test": "lr", "train": "acuracy"}}},
            ("analysis", "resampled", "train"),
            "did you mean 'accuracy'?",
        ),
        ({"metrics": {"Accuracy": {"goal": "max"}}}, ("metrics", "Accuracy"), "did you mean 'accuracy'?"),
    ],
)
def test_wrong_names(sections: dict[str, Any], path: tuple[str | int, ...], message: str) -> None:
    """Whatever is neither result nor metric is told with its place and the nearest name."""
    assert has_names(sections)
    [(place, told)] = wrong(**sections).items()
    assert place == path
    assert message in told


def test_nothing_was_returned() -> None:
    """Where there is no name at all, that is said in place of an empty list."""
    told = dict(problems({"graphs": [{"y": "loss", "x": "lr"}]}, [None, {}]))
    assert told["graphs", 0, "y"].endswith("named 'loss': nothing was returned or logged")


def test_a_parameter_called_step() -> None:
    """Over a parameter of that name a result is drawn, and no curve."""
    graphs = [{"y": "accuracy", "x": "step"}]
    assert wrong(graphs=graphs, grid={"step": [1, 2]}) == {}
    assert "has no steps" in wrong(graphs=graphs)["graphs", 0, "y"]


@pytest.mark.parametrize("sections", [{}, {"graphs": [{"kind": "timeline"}]}, {"graphs": 3}, None, [1]])
def test_nothing_to_check(sections: Any) -> None:
    """Without names of results nothing need be read at the start of a run."""
    assert not has_names(sections)
