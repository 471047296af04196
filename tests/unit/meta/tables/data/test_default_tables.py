"""Tables of a series whose file asks for none."""

from __future__ import annotations

from meta.tables.data.plan import DefaultTables, default_tables
from meta.tables.data.table import make_table


def test_every_configuration_has_a_cell(make_records) -> None:
    """The parameter with the fewest values makes the columns, the others the rows; all numbers are there."""
    records = make_records(
        {"lr": [1, 2, 3], "opt": ["a", "b"], "depth": [1, 2, 3, 4]},
        results=lambda _p, r: {"loss": float(r), "note": "text", "metrics": 3},
    )
    (loss, count) = default_tables(records).specs
    assert (loss.y, loss.rows, loss.columns) == ("loss", ("lr", "depth"), ("opt",))
    assert count.y == "metrics"
    assert len(make_table(loss, records).cells.cells) == 24


def test_metrics_are_shown_by_their_last_value(make_records) -> None:
    """A metric that was only logged has a table too, unless a result has its name."""
    logged = {"metrics.loss.last": 1.0, "metrics.loss.min": 0.5, "metrics.acc.last": 2.0, "acc": 1.0}
    records = make_records({"lr": [1, 2]}, results=lambda _p, _r: logged)
    assert [spec.y for spec in default_tables(records).specs] == ["acc", "loss"]


def test_a_series_without_parameters_is_one_row(make_records) -> None:
    """There is nothing to name rows by, and the table has a single cell."""
    records = make_records({}, results=lambda _p, r: {"loss": float(r)})
    (spec,) = default_tables(records).specs
    table = make_table(spec, records)
    assert (table.row_heads(), len(table.cells.cells)) == ([], 1)


def test_nothing_to_show_makes_no_table(make_records) -> None:
    """Texts, and experiments that are not completed, have no table."""
    assert default_tables(make_records({"lr": [1]}, results=lambda _p, _r: {"note": "x"})) == DefaultTables(
        [], []
    )
    assert default_tables(make_records({"lr": [1]}, repetitions=0)) == DefaultTables([], [])
