"""The cells of a table: their configurations, and the estimates of their readings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from meta.graphs.captions.phrases import range_text
from meta.records.errors import TableError
from meta.records.pairing import Block
from meta.records.readings import Point, missing_of
from meta.records.series_records import ConfigurationRecord, SeriesRecords
from meta.statistics.intervals.rule import Method
from meta.tables.data.plan import Key, TablePlan

#: Larger tables are for programs: `experiments export` writes them.
MAX_ROWS, MAX_COLUMNS = 500, 50

#: The row and the column of a cell.
Place = tuple[Key, Key]


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes
    ----------
    members : sequence of ConfigurationRecord
        One, or several that are averaged over.
    point : Point
        Their readings.
    setting : tuple of int
        The places of the values that `select` chose.
    estimate, low, high : float
        NaN without readings; the ends are NaN without an interval.
    method : str
        How the interval was made; see `meta.statistics.intervals.rule.Method`.
    left_out : int
        How many repetitions the interval does not use, as they lack a configuration that is averaged over.
    """

    members: Sequence[ConfigurationRecord]
    point: Point
    setting: Key = ()
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    method: str = Method.NONE
    left_out: int = 0

    @property
    def has_estimate(self) -> bool:
        """Whether the cell shows a number."""
        return not math.isnan(self.estimate)

    @property
    def has_interval(self) -> bool:
        """Whether it has an interval that can be written."""
        return math.isfinite(self.high - self.low)

    @property
    def count(self) -> int:
        """How many readings the estimate is computed from."""
        return sum(self.point.sizes) if self.has_estimate else 0

    @property
    def repetitions(self) -> str:
        """How many repetitions its configurations have: a number, or a range where they differ."""
        return range_text(min(self.point.sizes), max(self.point.sizes))

    @property
    def missing(self) -> dict[str, int]:
        """How many experiments are not completed, by outcome or status."""
        return dict(missing_of(self.members))

    def by_block(self, plan: TablePlan) -> list[tuple[Block, ConfigurationRecord]]:
        """Return its configurations, each with its values of what is averaged over."""
        return [(plan.key(plan.spec.over, member.parameters), member) for member in self.members]


@dataclass(frozen=True)
class Cells:
    """All cells, and the rows and columns they are in.

    Attributes
    ----------
    rows, columns : sequence of tuple of int
        In the order of their values.
    cells : mapping of (row, column) to Cell
        Without those of combinations that the series does not have.
    settings : int
        Among how many settings `select` chose, at most; 0 without.
    unfit : sequence of str
        The cells (or rows, columns) without a setting that has all readings: none could be chosen.
    refused : sequence of str
        The settings that could not be chosen, as they lack readings that others have, each with its cell (or
        row, column).
    """

    rows: Sequence[Key]
    columns: Sequence[Key]
    cells: Mapping[Place, Cell] = field(default_factory=dict)
    settings: int = 0
    unfit: Sequence[str] = ()
    refused: Sequence[str] = ()


def members_by_place(plan: TablePlan, records: SeriesRecords) -> dict[Place, list[ConfigurationRecord]]:
    """Return the configurations of each cell.

    Raises
    ------
    TableError
        There would be more rows or columns than can be read.
    """
    members: dict[Place, list[ConfigurationRecord]] = {}
    for member in records.configurations:
        place = (plan.key(plan.spec.rows, member.parameters), plan.key(plan.spec.columns, member.parameters))
        members.setdefault(place, []).append(member)
    for side, most, what in ((0, MAX_ROWS, "rows"), (1, MAX_COLUMNS, "columns")):
        count = len({place[side] for place in members})
        if count > most:
            raise TableError(
                f"{what}: there would be {count:,}, more than {most} that can be read; choose some (where), "
                "or take all numbers by `experiments export`"
            )
    return members


def make_cells(
    plan: TablePlan, records: SeriesRecords, chosen: Mapping[Place, tuple[Key, list[ConfigurationRecord]]]
) -> dict[Place, Cell]:
    """Return the cells with their estimates.

    Parameters
    ----------
    plan : TablePlan
    records : SeriesRecords
    chosen : mapping of (row, column) to (setting, configurations)
    """
    points = {place: Point.of(members, plan.y.key) for place, (_, members) in chosen.items()}
    # Without a choice, the configurations of a cell are not to be averaged.
    complete = [
        place
        for place, point in points.items()
        if point.is_complete and (chosen[place][0] or not plan.chosen)
    ]
    estimates = plan.aggregator.of_points(
        [points[place].scores for place in complete], [points[place].members for place in complete]
    )
    arrays = (estimates.estimate, estimates.low, estimates.high, estimates.method, estimates.left_out)
    ends = (array.tolist() for array in arrays)
    numbers = {place: numbers for place, *numbers in zip(complete, *ends, strict=True)}
    return {
        place: Cell(members, points[place], setting, *numbers.get(place, ()))
        for place, (setting, members) in chosen.items()
    }
