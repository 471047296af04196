"""The numbers of a table for programs: one record for each cell, with every digit; and the same as CSV."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meta.formats.csv_format import line_writer
from meta.records.value_set import ABSENT
from meta.tables.data.cells import Cell
from meta.tables.data.plan import Key, TablePlan
from meta.tables.data.table import Table

_OWN = ("value", "low", "high", "interval", "n", "missing", "best", "p", "differs")


@dataclass(frozen=True)
class CellRecord:
    """A cell; missing values are None.

    Attributes
    ----------
    parameters : mapping of str to object
        Of its row, its column and of what was selected.
    value, low, high : float or None
    interval : str
        How the interval was made, or ``nothing varied``; empty where there is none.
    n : int
        How many readings it is computed from.
    missing : int
        How many experiments of it are not completed.
    best : bool
    p : float or None
        Against the best, or the baseline; corrected.
    differs : bool
    """

    parameters: Mapping[str, Any]
    value: float | None
    low: float | None
    high: float | None
    interval: str
    n: int
    missing: int
    best: bool
    p: float | None
    differs: bool


def cell_records(table: Table) -> Iterator[CellRecord]:
    """Yield the cells, row by row; without those of combinations that the series does not have."""
    for row in table.cells.rows:
        for column in table.cells.columns:
            place = (row, column)
            cell = table.cells.cells.get(place)
            if cell is None:
                continue
            yield CellRecord(
                parameters=_parameters(table.plan, row, column, cell),
                value=_known(cell.estimate),
                low=_known(cell.low),
                high=_known(cell.high),
                interval=cell.method,
                n=cell.count,
                missing=sum(cell.missing.values()),
                best=place in table.marks.best,
                p=_known(table.marks.p_value(place)),
                differs=table.marks.differs(place),
            )


def comma_separated(table: Table) -> str:
    """Return a table as CSV, one line for each cell.

    Columns: ``parameters.NAME`` of rows, columns and what was selected, ``result`` (which one), then those of
    `CellRecord`. What a cell does not have is empty.
    """
    stream = io.StringIO(newline="")
    write = line_writer(stream)
    records = list(cell_records(table))
    names = list(dict.fromkeys(name for record in records for name in record.parameters))
    write([*(f"parameters.{name}" for name in names), "result", *_OWN])
    for record in records:
        values = [record.parameters.get(name) for name in names]
        write([*values, table.plan.y.key, *(getattr(record, name) for name in _OWN)])
    return stream.getvalue()


def _parameters(plan: TablePlan, row: Key, column: Key, cell: Cell) -> dict[str, Any]:
    names = [*plan.spec.rows, *plan.spec.columns, *(plan.chosen if cell.setting else ())]
    values = [
        plan.values[name].values[place]
        for name, place in zip(names, (*row, *column, *cell.setting), strict=True)
    ]
    return {name: value for name, value in zip(names, values, strict=True) if value is not ABSENT}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
