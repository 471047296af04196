"""A table before any format: numbers, marks, heads and note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.series_file.sections.tables import TableSpec
from meta.graphs.data.plan import SERIES
from meta.records.normalise import normalised
from meta.records.selection.parameter_filter import with_parameters
from meta.records.series_records import SeriesRecords
from meta.tables.data.caption import notes
from meta.tables.data.cells import Cell, Cells
from meta.tables.data.ends import BothEnds, both_ends
from meta.tables.data.plan import Key, TablePlan, make_plan
from meta.tables.data.selection import select_cells
from meta.tables.data.significance_marks import Marks, make_marks


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    plan : TablePlan
    cells : Cells
    marks : Marks
    ends : BothEnds
    notes : sequence of str
        Sentences.
    """

    plan: TablePlan
    cells: Cells
    marks: Marks
    ends: BothEnds
    notes: Sequence[str]

    @property
    def title(self) -> str:
        """The title above it."""
        return self.plan.spec.title or self.plan.measured()

    def row_heads(self) -> list[str]:
        """Return the heads of the first columns; a series without parameters has none."""
        return [] if self.plan.spec.rows == (SERIES,) else self.plan.heads(self.plan.spec.rows)

    def row_labels(self, row: Key) -> list[str]:
        """Return the labels before a row."""
        return self.plan.labels(self.plan.spec.rows, row) if self.row_heads() else []

    def group_head(self) -> str | None:
        """Return the head above all columns, None when it would be empty."""
        return ", ".join(self.plan.heads(self.plan.spec.columns)) or None

    def column_label(self, column: Key) -> str:
        """Return the label of a column."""
        return ", ".join(self.plan.labels(self.plan.spec.columns, column)) or self.plan.measured()

    def shows_count(self, cell: Cell) -> bool:
        """Return whether a cell shows its number of repetitions: where cells differ, and where it is 2.

        The mean of two repetitions has no interval, and would look as good as that of many.
        """
        if self.plan.aggregator.interval != "none" and cell.repetitions == "2":
            return True
        return len({one.repetitions for one in self.cells.cells.values() if one.has_estimate}) > 1


def make_table(spec: TableSpec, records: SeriesRecords) -> Table:
    """Compute a table, without the database.

    Raises
    ------
    TableError, GraphError
        It cannot be made as requested.
    """
    records = normalised(spec, with_parameters(records, spec.where))
    plan = make_plan(spec, records)
    cells = select_cells(plan, records)
    marks = make_marks(plan, cells, records)
    ends = both_ends(plan, cells)
    return Table(plan, cells, marks, ends, notes(plan, cells, marks, ends=ends, records=records))
