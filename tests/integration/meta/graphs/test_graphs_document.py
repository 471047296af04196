"""The example in docs/graphs.md that has every kind."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from database.models import Outcome
from experiments.series_file.loading import load_series_file
from experiments.series_file.models import SeriesFile
from experiments.series_file.sections.graph_kinds import GRAPH_KINDS
from meta.graphs.figure.registry import KINDS
from meta.graphs.figure.render import DrawnGraph
from meta.records.attempts import AttemptRecord
from meta.statistics.estimators.curves import Curve
from meta.tables.data.table import Table, make_table
from tests.figures import make_drawn

TEXT = (Path(__file__).parents[4] / "docs" / "graphs.md").read_text(encoding="utf-8")


@pytest.fixture
def load_example(tmp_path: Path) -> Callable[[str], SeriesFile]:
    """Return a function that loads the example of a name."""

    def loaded(name: str) -> SeriesFile:
        (example,) = re.findall(rf"```yaml\n(name: {name}\n.*?)```", TEXT, re.DOTALL)
        path = tmp_path / f"{name}.yaml"
        path.write_text(example, encoding="utf-8")
        return load_series_file(path).file

    return loaded


@pytest.fixture
def gallery(load_example: Callable[[str], SeriesFile]) -> SeriesFile:
    """Return the file of the example that has every kind."""
    return load_example("gallery")


def test_the_example_has_every_kind_and_is_drawn(make_records, gallery) -> None:
    """Each graph of the example can be drawn of a series like it, and a report has its numbers."""
    assert {spec.kind for spec in gallery.graphs} == set(GRAPH_KINDS)

    def results(parameters: dict[str, Any], repetition: int) -> dict[str, float]:
        seed = [*map(ord, "".join(map(str, parameters.values()))), repetition]
        generator = np.random.default_rng(seed)
        return {"accuracy": 60 + 10 * generator.normal(), "time": generator.gamma(2.0)}

    records = make_records(
        {name: list(values) for name, values in gallery.grid.items()},
        results=results,
        curves=lambda p, r: {
            "loss": Curve(np.arange(30), results(p, r)["time"] * np.exp(-np.arange(30) / 9))
        },
        labels=gallery.metrics,
    )
    start = datetime(2026, 1, 1, tzinfo=UTC)
    attempt = AttemptRecord(1, 1, "h", "w", Outcome.COMPLETED, start, start + timedelta(seconds=9))
    times = {identity: np.arange(30.0) for identity in records.curves["loss"]}
    records = dataclasses.replace(records, attempts=[attempt], times={"loss": times})
    for spec in gallery.graphs:
        drawn = make_drawn(spec, records)
        assert drawn.figure.axes
        assert list(KINDS[drawn.plan.rules.name].rows(drawn.plan, drawn.data))


Made = tuple[list[DrawnGraph], list[Table]]


@pytest.fixture
def make_example(make_records, load_example: Callable[[str], SeriesFile]) -> Callable[[str], Made]:
    """Return a function that makes the graphs and tables of an example, of a series like it."""

    def results(parameters: dict[str, Any], repetition: int) -> dict[str, float]:
        seed = [*map(ord, "".join(map(str, parameters.values()))), repetition]
        share = np.random.default_rng(seed).random()
        start = {"sphere": 12.5, "rastrigin": 22300.0}.get(parameters.get("function", ""), 1.0)
        return {"accuracy": share, "error": share * start, "start_error": start}

    def made(name: str) -> Made:
        file = load_example(name)
        grid = {parameter: list(values) for parameter, values in file.grid.items()}
        records = make_records(grid, results=results, labels=file.metrics)
        records = dataclasses.replace(records, analysis=file.analysis)
        drawn = [make_drawn(spec, records) for spec in file.graphs]
        return drawn, [make_table(spec, records) for spec in file.tables]

    return made


def test_the_example_of_strata_says_what_belongs_together(make_example: Callable[[str], Made]) -> None:
    """The file counts where a graph says nothing itself, also for tables."""
    drawn, [table] = make_example("strata")
    told = [one.plan.aggregator.dependence.text for one in (*drawn, table)]
    within = "drawn within dataset, as the file says"
    assert told == [within, "", "drawn for each configuration by itself, as the file says", within]


def test_the_example_of_normalised_scores_says_what_low_and_high_are(
    make_example: Callable[[str], Made],
) -> None:
    """In the note, on the axis, and at the head of the table."""
    drawn, [table] = make_example("functions")
    notes = [*(one.note.below for one in drawn), " ".join(table.notes)]
    told = ["(low: start_error, high: 0)", "(low: given for each function, high: 0)", *["who takes part"] * 2]
    assert [part for part, note in zip(told, notes, strict=True) if part not in note] == []
    assert {one.plan.y.axis_label() for one in drawn} == {"error, normalised by function"}
    assert table.title == "error, normalised by function"
