"""The numbers in the cells are those of the readings, and only of those."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.tables import TableSpec
from meta.tables.data.table import make_table
from meta.tables.formats.cell_text import PLAIN, cell_text

MAX = {"accuracy": MetricSection(goal="max")}


def reading(parameters, repetition: int) -> float:
    """Return a reading that is reproducible and different everywhere."""
    seed = [int(10 * parameters["lr"]), len(parameters["data"]), repetition]
    return float(np.random.default_rng(seed).normal(parameters["lr"]))


GRID = {"lr": [0.1, 0.2], "data": ["a", "bb", "ccc"]}


def test_cells_are_means_of_their_repetitions(make_records) -> None:
    """Each cell has the mean, t interval and count of its own configuration (scipy)."""
    records = make_records(GRID, results=lambda p, r: {"accuracy": reading(p, r)}, repetitions=20)
    table = make_table(TableSpec(y="accuracy", rows=("lr",), columns=("data",)), records)
    assert len(table.cells.cells) == 6
    for (row, column), cell in table.cells.cells.items():
        parameters = {"lr": GRID["lr"][row[0]], "data": GRID["data"][column[0]]}
        readings = [reading(parameters, repetition) for repetition in range(20)]
        assert cell.estimate == pytest.approx(np.mean(readings))
        assert cell.count == 20
        expected = stats.ttest_1samp(readings, 0).confidence_interval()
        assert (cell.low, cell.high) == pytest.approx((expected.low, expected.high))
        assert cell.method == "t"


def test_over_averages_the_means_of_configurations(make_records) -> None:
    """Averaged configurations weigh the same, however many repetitions each has."""

    def results(parameters, repetition: int):
        few = parameters["data"] == "a" and repetition > 2
        return None if few else {"accuracy": reading(parameters, repetition)}

    records = make_records(GRID, results=results, repetitions=8)
    table = make_table(TableSpec(y="accuracy", rows=("lr",), over=("data",)), records)
    for (row, _), cell in table.cells.cells.items():
        means = [
            np.mean(
                [reading({"lr": GRID["lr"][row[0]], "data": data}, r) for r in range(3 if data == "a" else 8)]
            )
            for data in GRID["data"]
        ]
        assert cell.estimate == pytest.approx(np.mean(means))
        assert cell.count == 19


def test_an_average_needs_all_of_its_configurations(make_records) -> None:
    """A cell of which one configuration has no reading stays empty, and the note names it."""
    records = make_records(
        GRID,
        results=lambda p, r: None if (p["lr"], p["data"]) == (0.1, "bb") else {"accuracy": reading(p, r)},
        missing=lambda p: {"error": 5} if (p["lr"], p["data"]) == (0.1, "bb") else {},
    )
    table = make_table(TableSpec(y="accuracy", rows=("lr",), over=("data",)), records)
    assert [cell.has_estimate for cell in table.cells.cells.values()] == [False, True]
    note = " ".join(table.notes)
    assert "have no finite reading: lr=0.1 (data=bb)." in note
    assert "5 errors of 30 experiments left out." in note
    assert "all failed" not in note


def test_the_best_setting_of_each_row_is_taken(make_records) -> None:
    """One setting for all columns of a row, by mean rank, so that the scale of a column does not matter."""
    scale = {"a": 1.0, "b": 1_000.0, "c": 1.0}
    level = {("x", 1): (3, 1, 3), ("x", 2): (2, 2, 2), ("y", 1): (1, 1, 1), ("y", 2): (2, 2, 0)}

    def results(parameters, repetition: int):
        place = "abc".index(parameters["data"])
        value = level[parameters["opt"], parameters["lr"]][place] * scale[parameters["data"]]
        return {"accuracy": value + 0.001 * repetition}

    records = make_records(
        {"opt": ["x", "y"], "lr": [1, 2], "data": ["a", "b", "c"]}, results=results, labels=MAX
    )
    spec = TableSpec(y="accuracy", rows=("opt",), columns=("data",), select="best_per_row")
    table = make_table(spec, records)
    settings = {place: cell.setting for place, cell in table.cells.cells.items()}
    assert {setting for (row, _), setting in settings.items() if row == (0,)} == {(0,)}
    assert {setting for (row, _), setting in settings.items() if row == (1,)} == {(1,)}
    note = " ".join(table.notes)
    assert "Best of up to 2 settings of lr for each row, by mean rank, by the same readings" in note
    assert "(opt=x: lr=1; opt=y: lr=2)" in note
    each = make_table(spec.model_copy(update={"select": "best_per_cell"}), records)
    assert each.cells.cells[(0,), (1,)].setting == (1,)


def test_settings_that_failed_are_no_candidates(make_records) -> None:
    """A setting without a reading in a column is not taken; when none is left, the row is empty."""

    def results(parameters, repetition: int):
        failed = parameters["lr"] == 1 or (parameters["opt"] == "y" and parameters["data"] == "b")
        return None if failed else {"accuracy": 10.0 / parameters["lr"] + repetition}

    records = make_records({"opt": ["x", "y"], "lr": [1, 2], "data": ["a", "b"]}, results=results, labels=MAX)
    spec = TableSpec(y="accuracy", rows=("opt",), columns=("data",), select="best_per_row")
    table = make_table(spec, records)
    assert table.cells.cells[(0,), (0,)].setting == (1,)
    assert math.isnan(table.cells.cells[(1,), (0,)].estimate)
    note = " ".join(table.notes)
    assert "No setting has all readings: opt=y." in note
    assert "Not to choose from, as some readings are missing: opt=x: lr=1." in note


def test_averages_draw_repetitions_that_share_their_seeds_together(make_records) -> None:
    """Luck that all configurations of a cell share does not cancel out, unless each has its own."""

    def results(parameters, repetition: int):
        return {"accuracy": reading({"lr": 0.1, "data": "a"}, repetition) + len(parameters["data"])}

    records = make_records(GRID, results=results, repetitions=20)
    widths = []
    for found in (records, replace(records, shares_seeds=False)):
        table = make_table(TableSpec(y="accuracy", rows=("lr",), over=("data",)), found)
        widths.append([cell.high - cell.low for cell in table.cells.cells.values()])
    luck = [reading({"lr": 0.1, "data": "a"}, repetition) for repetition in range(20)]
    alone = stats.ttest_1samp(luck, 0).confidence_interval()
    assert widths[0] == pytest.approx([alone.high - alone.low] * 2)
    assert widths[1][0] < 0.7 * widths[0][0]


def test_n_of_averages_is_the_repetitions(make_records) -> None:
    """In the note and in each cell, where it differs; few repetitions are not many for being averaged."""

    def results(parameters, repetition: int):
        few = parameters["data"] == "a" and parameters["lr"] == 0.1 and repetition > 1
        return None if few else {"accuracy": reading(parameters, repetition)}

    table = make_table(
        TableSpec(y="accuracy", rows=("lr",), over=("data",)),
        make_records(GRID, results=results, repetitions=4),
    )
    text = " ".join(table.notes)
    assert "over n = 2 to 4 repetitions of 3 configurations (10 to 12 experiments); " in text
    assert "none where a configuration has n = 2" in text
    cells = [cell_text(table, place, PLAIN) for place in table.cells.cells]
    assert [cell.partition(" (")[2] for cell in cells] == ["n = 2 to 4)", "n = 4)"]
    single = make_table(
        TableSpec(y="accuracy", rows=("lr",), over=("data",)),
        make_records(GRID, results=lambda p, r: {"accuracy": reading(p, r)}, repetitions=1),
    )
    assert single.notes[0] == (
        "made-up: mean over n = 1 repetition of 3 configurations (3 experiments) in each cell; too few for "
        "an interval."
    )
