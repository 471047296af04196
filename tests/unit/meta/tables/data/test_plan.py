"""What each parameter is in a table, and what is refused."""

from __future__ import annotations

import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.tables import TableSpec
from meta.records.errors import GraphError, TableError
from meta.tables.data.table import make_table

GRID = {"opt": ["sgd", "adam"], "lr": [0.1, 0.2, 0.3], "data": ["a", "b"]}


@pytest.fixture
def records(make_records):
    """Return a series of three parameters, whose accuracy has a goal."""
    return make_records(
        GRID,
        results=lambda parameters, repetition: {"accuracy": parameters["lr"] + repetition, "text": "x"},
        labels={"accuracy": MetricSection(goal="max")},
    )


def test_averaging_over_what_was_not_named_is_refused(records) -> None:
    """The message lists the parameters, and each way out works."""
    with pytest.raises(TableError) as caught:
        make_table(TableSpec(y="accuracy", rows=("opt",)), records)
    assert "differ in lr (3 values), data (2 values)" in str(caught.value)
    assert "write over: [lr, data]" in str(caught.value)
    for way in ({"over": ("lr", "data")}, {"select": "best_per_row"}, {"where": {"lr": 0.1, "data": "b"}}):
        table = make_table(TableSpec(y="accuracy", rows=("opt",), **way), records)
        assert len(table.cells.cells) == 2


def test_what_follows_from_the_others_is_no_average(make_records) -> None:
    """A parameter that only changes together with the rows needs no role."""
    records = make_records({"opt": ["sgd", "adam"]}, results=lambda _p, r: {"loss": float(r)})
    for configuration in records.configurations:
        configuration.parameters["momentum"] = 0.9 if configuration.parameters["opt"] == "sgd" else 0.0
    assert len(make_table(TableSpec(y="loss", rows=("opt",)), records).cells.rows) == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"y": "acuracy"}, "no result or metric named 'acuracy'; did you mean 'accuracy'"),
        ({"rows": ("optt",)}, r"rows\[0\]: cannot be 'optt'; did you mean 'opt'"),
        ({"order": {"opt": ("rms",)}}, "order: opt is never 'rms'; its values: sgd, adam"),
        ({"baseline": "adm"}, "baseline: opt is never 'adm'; did you mean 'adam'"),
        ({"where": {"data": "c"}}, "where: no configuration has data = c"),
    ],
)
def test_wrong_names_are_told_with_the_valid_ones(records, asked, message: str) -> None:
    """Each name that a table can have is checked against what the series has."""
    spec = TableSpec(**{"y": "accuracy", "rows": ("opt",), "over": ("lr", "data"), **asked})
    with pytest.raises((TableError, GraphError), match=message):
        make_table(spec, records)


def test_selecting_needs_a_goal(make_records) -> None:
    """What is best cannot be guessed: the message says where to write it."""
    records = make_records({"opt": [1, 2], "lr": [1, 2]}, results=lambda _p, r: {"loss": float(r)})
    spec = TableSpec(y="loss", rows=("opt",), select="best_per_row")
    with pytest.raises(TableError, match=r"write metrics: \{loss: \{goal: max\}\}, or min"):
        make_table(spec, records)


def test_nothing_completed_and_too_large_are_told(make_records) -> None:
    """A series without results, and one with more rows than can be read, get a message."""
    with pytest.raises(TableError, match="no completed experiment yet"):
        make_table(TableSpec(y="loss", rows=("lr",)), make_records({"lr": [1]}, repetitions=0))
    records = make_records({"lr": list(range(501))}, repetitions=1, results=lambda _p, _r: {"loss": 1.0})
    with pytest.raises(TableError, match="rows: there would be 501, more than 500"):
        make_table(TableSpec(y="loss", rows=("lr",)), records)
