"""Which columns show both ends of their intervals, as half of the width after a value would mislead."""

from __future__ import annotations

from dataclasses import dataclass

from meta.graphs.data.estimates import Aggregator
from meta.statistics.estimators.ties import is_rounding
from meta.statistics.intervals.student import Bounds
from meta.tables.data.cells import Cell, Cells
from meta.tables.data.plan import Key, TablePlan

#: Of an interval with one side so many times as long as the other, half of the width says too little.
_LOPSIDED = 1.5
#: What stands after the sign is the spread itself, to each side, and not half of an interval.
_SYMMETRIC = ("sd", "se")


@dataclass(frozen=True)
class BothEnds:
    """The columns that show both ends of their intervals.

    Attributes
    ----------
    columns : frozenset of tuple of int
    lopsided, beyond : bool
        Whether they do unasked, as an interval reaches further to one side, or as half of a width would reach
        beyond what is possible.
    """

    columns: frozenset[Key] = frozenset()
    lopsided: bool = False
    beyond: bool = False

    @property
    def unasked(self) -> bool:
        """Whether half of the width was asked for."""
        return self.lopsided or self.beyond


def both_ends(plan: TablePlan, cells: Cells) -> BothEnds:
    """Return the columns that show both ends: all if the file asks for it, else those where half misleads."""
    if plan.spec.ends:
        return BothEnds(frozenset(cells.columns))
    if plan.aggregator.interval in _SYMMETRIC:
        return BothEnds()
    with_interval = [(column, cell) for (_, column), cell in cells.cells.items() if cell.has_interval]
    possible = _possible(plan.aggregator)
    lopsided = frozenset(column for column, cell in with_interval if _is_lopsided(cell))
    beyond = frozenset(column for column, cell in with_interval if _reaches_beyond(cell, possible))
    return BothEnds(lopsided | beyond, bool(lopsided), bool(beyond))


def _possible(aggregator: Aggregator) -> Bounds:
    """Return the least and the largest number that there can be."""
    if aggregator.known.bounds is not None:
        return aggregator.known.bounds
    return (0.0, 1.0) if aggregator.known.is_rate else (None, None)


def _is_lopsided(cell: Cell) -> bool:
    sides = sorted((cell.estimate - cell.low, cell.high - cell.estimate))
    # The mean of equal readings may differ from them, and from its interval, in the last bit.
    return sides[1] >= _LOPSIDED * sides[0] and not is_rounding(sides[1], cell.estimate)


def _reaches_beyond(cell: Cell, possible: Bounds) -> bool:
    half = (cell.high - cell.low) / 2
    lowest, highest = possible
    return (lowest is not None and cell.estimate - half < lowest) or (
        highest is not None and cell.estimate + half > highest
    )
