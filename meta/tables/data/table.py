"""A table as it stands: numbers, marks, heads and note, before any format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.series_file.sections.tables import TableSpec
from meta.graphs.data.plan import SERIES
from meta.records.parameter_filter import with_parameters
from meta.records.series_records import SeriesRecords
from meta.tables.data.caption import notes
from meta.tables.data.cells import Cell, Cells, Place
from meta.tables.data.plan import Key, TablePlan, make_plan
from meta.tables.data.selection import select_cells
from meta.tables.data.significance_marks import Marks, make_marks


@dataclass(frozen=True)
class Table:
    """Everything that a table shows.

    Attributes
    ----------
    plan : TablePlan
    cells : Cells
    marks : Marks
    notes : sequence of str
        Sentences.
    """

    plan: TablePlan
    cells: Cells
    marks: Marks
    notes: Sequence[str]

    @property
    def title(self) -> str:
        """What stands above."""
        return self.plan.spec.title or self.plan.measured()

    def row_heads(self) -> list[str]:
        """Return what the first columns are called; a series without parameters has none."""
        return [] if self.plan.spec.rows == (SERIES,) else self.plan.heads(self.plan.spec.rows)

    def row_labels(self, row: Key) -> list[str]:
        """Return what stands before a row."""
        return self.plan.labels(self.plan.spec.rows, row) if self.row_heads() else []

    def group_head(self) -> str | None:
        """Return what stands above all columns, None when it would say nothing."""
        return ", ".join(self.plan.heads(self.plan.spec.columns)) or None

    def column_label(self, column: Key) -> str:
        """Return what a column is called."""
        return ", ".join(self.plan.labels(self.plan.spec.columns, column)) or self.plan.measured()

    def cell(self, row: Key, column: Key) -> Cell | None:
        """Return a cell, None where the series has no such combination."""
        return self.cells.cells.get((row, column))

    def counts_differ(self) -> bool:
        """Say whether cells stand on different numbers of repetitions, so that each says its own."""
        return len({cell.repetitions for cell in self.cells.cells.values() if cell.has_estimate}) > 1

    def is_best(self, place: Place) -> bool:
        """Say whether a cell is the best of its column (or row)."""
        return place in self.marks.best


def make_table(spec: TableSpec, records: SeriesRecords) -> Table:
    """Compute a table; nothing of it needs the database.

    Raises
    ------
    TableError, GraphError
        It cannot be made as asked.
    """
    records = with_parameters(records, spec.where)
    plan = make_plan(spec, records)
    cells = select_cells(plan, records)
    marks = make_marks(plan, cells, records)
    return Table(plan, cells, marks, notes(plan, cells, marks, records))
