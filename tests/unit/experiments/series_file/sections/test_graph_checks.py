"""What a graph cannot ask for is told when the file is loaded, with its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from experiments.series_file.loading import load_series_file
from experiments.series_file.reading.errors import SeriesFileError
from experiments.series_file.sections.graph_kinds import GRAPH_KINDS
from experiments.series_file.sections.graphs import GraphKind, GraphSpec

HEAD = """\
name: study
run: {function: train.py:main}
grid: {lr: [0.1, 0.2], opt: [a, b], data: [x, y]}
graphs:
"""

Load = Callable[[str], GraphSpec]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that loads a file with one graph, in line 5."""

    def loaded(graph: str) -> GraphSpec:
        path = tmp_path / "study.yaml"
        path.write_text(f"{HEAD}  - {{{graph}}}\n", encoding="utf-8")
        return load_series_file(path).file.graphs[0]

    return loaded


@pytest.mark.parametrize(
    ("graph", "key", "message"),
    [
        ("kind: timeline, x: lr", "x", "means nothing for kind: timeline; it takes kind, where, title"),
        ("kind: ecdf, y: a, x: lr", "x", "means nothing for kind: ecdf"),
        ("kind: box, y: a, x: lr, interval: sd", "interval", "means nothing for kind: box"),
        ("kind: line, y: a, x: lr, bins: 5", "bins", "means nothing for kind: line"),
        ("y: a, x: lr, rows: opt", "rows", "means nothing for a curve, line or bar"),
        ("kind: heatmap, y: a, x: lr", "rows", "is missing"),
        ("kind: profile, y: a, hue: opt", "over", "is missing"),
        ("kind: ranking, y: a, over: data", "x", "is missing"),
        ("kind: violin, x: lr", "y", "is missing"),
        ("kind: bar, y: a, x: lr, style: optt", "style", "cannot be 'optt'; did you mean 'opt'?"),
        ("y: a, x: lr, facet: {row: dat}", "facet.row", "cannot be 'dat'; did you mean 'data'?"),
        ("y: a, x: lr, over: [opt, dat]", "over[1]", "cannot be 'dat'; did you mean 'data'?"),
        ("y: a, x: lr, where: {op: a}", "where.op", "cannot be 'op'; did you mean 'opt'?"),
        (
            "kind: timeline, where: outcome != 'failed'",
            "where",
            "outcome is never 'failed'; did you mean 'error'?",
        ),
        ("y: a, x: lr, order: {lrr: [0.1]}", "order.lrr", "cannot be 'lrr'; did you mean 'lr'?"),
        ("y: a, x: lr, hue: lr", "hue", "'lr' is already the x; name another parameter, or leave hue out"),
        ("y: a, x: lr, hue: opt, over: opt", "over", "'opt' is already the hue"),
        ("y: a, x: lr, interval: sd, level: 0.9", "level", "means nothing for interval: sd"),
        (
            "y: a, x: lr, interval: sd, estimator: median",
            "interval",
            "cannot be 'sd' of the median, which has ci, exact",
        ),
        ("y: a, x: lr, interval: exact, estimator: iqm", "interval", "cannot be 'exact' of the iqm"),
        (
            "y: a, x: lr, interval: sd, over: opt",
            "interval",
            "cannot be 'sd': where configurations are averaged",
        ),
        (
            "y: a, x: lr, interval: t, estimator: iqm",
            "interval",
            "cannot be 't' of the iqm, which has ci, ex",
        ),
        ("y: a, x: lr, interval: t, over: opt, estimator: iqm", "interval", "cannot be 't' of the iqm"),
        (
            "y: a, x: lr, interval: expanded, over: opt, estimator: median",
            "interval",
            "cannot be 'expanded': where configurations are averaged (over), the median has ci, p",
        ),
        ("y: a, x: lr, paired: false", "paired", "means nothing without over"),
        ("y: a, x: lr, strata: []", "strata", "means nothing without over"),
        ("y: a, x: lr, over: data, strata: opt", "strata", "'opt' is not averaged over"),
        ("y: a, x: lr, over: data, strata: [datas]", "strata[0]", "'datas' is not averaged over"),
        ("y: a, x: lr, over: data, strata: data, paired: false", "strata", "contradicted by paired: false"),
        ("kind: ecdf, y: a, paired: false", "paired", "means nothing for kind: ecdf, which counts problems"),
        (
            "kind: ranking, y: a, x: opt, over: [lr, data], strata: data",
            "strata",
            "kind: ranking, which counts",
        ),
        ("kind: profile, y: a, hue: opt, over: [lr, data], strata: data", "strata", "kind: profile, which"),
        ("kind: ecdf, y: a, missing: never", "missing", "means nothing where 'a' has no goal; write metrics"),
        ("kind: ecdf, y: metrics.l.last, missing: leave_out", "missing", "where 'l' has no goal"),
        ("kind: bar, y: a, x: opt, missing: never", "missing", "means nothing for kind: bar"),
        (
            "y: a, x: opt, over: data, normalise: {by: lr, low: 0, high: 1}",
            "normalise.by",
            "'lr' is neither shown nor averaged over here",
        ),
        ("y: a, x: opt, normalise: {by: opt, low: 1, high: 1}", "normalise.high", "is the same as low"),
        (
            "y: a, x: opt, normalise: {by: opt, low: worst, high: 1}",
            "normalise.low",
            "cannot be 'worst' alone",
        ),
        (
            "y: a, x: opt, normalise: {by: opt, low: 0, high: best}",
            "normalise.high",
            "low: worst, high: best",
        ),
        (
            "y: a, x: opt, normalise: {by: opt, low: worst, high: best}",
            "normalise.low",
            "what is worst of 'a'",
        ),
        (
            "y: a, x: opt, normalise: {by: opt, low: [0], high: 1}",
            "normalise.low",
            "must be a number, the name",
        ),
        ("y: a, x: opt, normalise: {by: opt, low: {a: b}, high: 1}", "normalise.low", "must be a number"),
        ("y: a, x: opt, normalise: {by: opt, low: 0}", "normalise.high", "is missing"),
        (
            "kind: ranking, y: a, x: opt, over: [lr, data], normalise: {by: lr, low: 0, high: 1}",
            "normalise",
            "m",
        ),
        (
            "y: a, x: step, normalise: {by: opt, low: worst, high: best}, hue: opt",
            "normalise.low",
            "cannot be worst of a curve",
        ),
        (
            "y: a, x: step, estimator: iqm, over: opt",
            "estimator",
            "must be mean where several curves are averaged (over), not iqm",
        ),
        (
            "y: a, x: lr, interval: wide",
            "interval",
            "must be 'ci', 't', 'percentile', 'expanded', 'bca'",
        ),
        ("y: a, x: lr, level: 95", "level", "must be a number between 0 and 1, such as 0.95, not 95"),
        ("y: a, x: lr, scale: {y: ln}", "scale.y", "must be 'linear', 'log', 'symlog' or 'logit'"),
        ("y: a, x: lr, scale: {color: log}", "scale.color", "it takes x, y"),
        ("kind: heatmap, y: a, x: lr, rows: opt, limits: {y: [0, 1]}", "limits.y", "it takes color"),
        ("y: a, x: lr, limits: [2, 1]", "limits.y", "must be a lower and a higher end, such as [0, 1]"),
        ("y: a, x: lr, limits: {x: 5}", "limits.x", "must be a lower and a higher end"),
        ("y: a, x: lr, order: sgd", "order", "must be a list of values, or a mapping of parameters"),
        ("y: a, x: lr, size: huge", "size", "must be column, page, or width and height in inches"),
        ("y: a, x: lr, size: [3, 900]", "size", "inches from 1 to 40, such as [3.5, 3], not [3, 900]"),
        ("y: a, x: lr, formats: [gif]", "formats[0]", "must be 'png', 'svg' or 'pdf', not the text 'gif'"),
        ("y: a, x: lr, formats: []", "formats", "must not be empty"),
        ("y: a, x: lr, theme: pink", "theme", "must be 'light', 'dark' or 'gray'"),
        ("y: a, x: step, smoothing: 1", "smoothing", "must be at least 2, not the number 1"),
        ("y: a, x: lr, points: some", "points", "must be true or false"),
        ("y: a, x: lr, facet: [opt]", "facet", "must be a mapping, not a list"),
        ("y: a, x: lr, labels: {z: a}", "labels.z", "is not a key here"),
    ],
)
def test_each_mistake_is_told_once_with_its_line(load: Load, graph: str, key: str, message: str) -> None:
    """The key, what is wrong with it, and what to write instead."""
    with pytest.raises(SeriesFileError) as caught:
        load(graph)
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"graphs[0].{key}: ")
    assert message in problem.message
    assert problem.line == 5


@pytest.mark.parametrize("kind", get_args(GraphKind))
def test_every_kind_takes_what_it_says(load: Load, kind: str) -> None:
    """A graph with the required keys loads, and one with all keys it takes has values for them."""
    examples = {
        "curve": "y: a",
        "ecdf": "y: a",
        "histogram": "y: a, bins: 3",
        "heatmap": "y: a, x: lr, rows: opt, over: data, scale: log",
        "scatter": "y: a, x: b, hue: opt, over: data",
        "profile": "y: a, hue: opt, over: [data, lr]",
        "ranking": "y: a, x: opt, over: [data, lr]",
        "timeline": "where: {opt: a}, formats: pdf",
    }
    spec = load(f"kind: {kind}, {examples.get(kind, 'y: a, x: lr, hue: opt, style: data')}")
    assert spec.kind == kind
    assert spec.model_fields_set <= GRAPH_KINDS[kind].keys


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ("y: a, x: lr, interval: ci99", {"interval": "ci", "level": 0.99}),
        ("y: a, x: lr, interval: t95", {"interval": "t", "level": 0.95}),
        ("y: a, x: lr, interval: percentile90", {"interval": "percentile", "level": 0.9}),
        ("y: a, x: lr, interval: expanded99.9, estimator: iqm", {"interval": "expanded", "level": 0.999}),
        ("y: a, x: lr, interval: exact90", {"interval": "exact", "level": 0.9}),
        ("y: a, x: lr, over: data, strata: data", {"strata": ("data",)}),
        ("y: a, x: lr, facet: opt", {"facet": {"row": None, "column": "opt"}}),
        ("y: a, x: lr, over: opt", {"over": ("opt",)}),
        ("y: a, x: lr, limits: [0, null]", {"limits": {"x": None, "y": (0.0, None), "color": None}}),
        ("kind: ecdf, y: a, scale: log", {"scale": {"x": "log", "y": None, "color": None}}),
        ("y: a, x: opt, order: [b]", {"order": {"opt": ("b",)}}),
        ("y: a, x: lr, formats: pdf", {"formats": ("pdf",)}),
        ("kind: curve, y: a", {"x": "step"}),
    ],
)
def test_short_forms_are_written_out(load: Load, graph: str, expected: dict[str, object]) -> None:
    """What may be shortened in a file has one form afterwards, which survives JSON."""
    spec = load(graph)
    found = spec.model_dump()
    assert {key: found[key] for key in expected} == expected
    assert GraphSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize("kind", ["box", "heatmap", "timeline"])
def test_defaults_may_be_written_out(kind: str) -> None:
    """A series as it is resolved, with every default, can be loaded again."""
    asked = {
        "box": {"y": "a", "x": "lr", "limits": {"y": [0, 1]}},
        "heatmap": {"y": "a", "x": "lr", "rows": "opt", "scale": "log"},
        "timeline": {},
    }
    series = {"name": "s", "run": {"function": "m:f"}, "grid": {"lr": [1], "opt": ["a"]}}
    file = load_series_file({**series, "graphs": [{"kind": kind, **asked[kind]}]}).file
    assert load_series_file(file.model_dump(mode="json")).file == file
    assert load_series_file(file.model_dump()).file == file
