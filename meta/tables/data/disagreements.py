"""Sentences on cells of which the star and the interval of the difference do not say the same.

The star is that of the corrected p, while the interval of a difference is by itself; and ranks may differ
where means do not. No correction of intervals would agree with Holm's decisions, so that both are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from meta.statistics.comparisons.sample_size import repetitions_for_p
from meta.tables.data.plan import TablePlan
from meta.tables.data.rounding import from_to, p_text
from meta.tables.data.significance_marks import CellTest, Marks

#: So many cells are named for each kind of disagreement; the others are counted.
_MOST_NAMED = 4


class _Kind(Enum):
    """How star and interval disagree."""

    #: The cell has a star, and the interval holds 0.
    RANKS_ONLY = auto()
    #: It has none, the interval leaves 0 out, and the p before correction would have given one.
    CORRECTED = auto()
    #: Nor would that p.
    NOT_FOUND = auto()
    #: Nor would the p of any readings, being so few.
    TOO_FEW = auto()


@dataclass(frozen=True)
class _Cell:
    """A cell with its test, and how sentences name it and the interval of the difference."""

    test: CellTest
    label: str
    ends: str

    @property
    def p(self) -> str:
        return f"p {p_text(self.test.result.p_value)}"

    @property
    def corrected_p(self) -> str:
        return f"corrected p {p_text(self.test.corrected_p)}"


def disagreements(plan: TablePlan, marks: Marks) -> list[str]:
    """Return a sentence for each way in which the stars of a table and intervals of differences disagree."""
    found: dict[_Kind, list[_Cell]] = {kind: [] for kind in _Kind}
    against = "the best" if plan.baseline is None else "the baseline"
    for place, test in marks.tests.items():
        kind = _kind(test, 1 - marks.level)
        if kind is not None:
            found[kind].append(_Cell(test, f"{plan.place_label(*place)} less {against}", _ends(test)))
    told = [(kind, cells) for kind, cells in found.items() if cells]
    return [
        _of_one(kind, cells[0], marks) if len(cells) == 1 else _of_several(kind, cells, marks)
        for kind, cells in told
    ]


def _kind(test: CellTest, alpha: float) -> _Kind | None:
    """Return how the star of a cell and the interval of the difference disagree; None where they agree."""
    apart = test.difference
    if apart is None or not apart.low < apart.high:
        return None
    holds_zero = apart.low <= 0 <= apart.high
    if test.corrected_p <= alpha:
        return _Kind.RANKS_ONLY if holds_zero else None
    if holds_zero:
        return None
    if test.result.p_value <= alpha:
        return _Kind.CORRECTED
    return _Kind.TOO_FEW if test.result.smallest_p > alpha else _Kind.NOT_FOUND


def _of_one(kind: _Kind, cell: _Cell, marks: Marks) -> str:
    if kind is _Kind.RANKS_ONLY:
        return f"Ranks differ ({cell.corrected_p}); the mean difference may be 0: {cell.label}, {cell.ends}."
    if kind is _Kind.CORRECTED:
        return (
            f"By itself this difference would count ({cell.p}; {cell.ends}); among {marks.comparisons:,} "
            f"comparisons chance gives one like it too often ({cell.corrected_p}): {cell.label}."
        )
    found = f"the rank test does not find it ({cell.p}){_reason(kind, [cell], marks)}"
    assumed = f"which assumes nearly normal {_varies(marks)}, leaves out 0"
    return f"The interval of the mean, {assumed}; {found}: {cell.label}, {cell.ends}."


def _of_several(kind: _Kind, cells: Sequence[_Cell], marks: Marks) -> str:
    details = [f"{cell.p}; {cell.ends}" for cell in cells]
    if kind is _Kind.RANKS_ONLY:
        head = "Ranks differ; the mean difference may be 0"
        details = [f"{cell.corrected_p}; {cell.ends}" for cell in cells]
    elif kind is _Kind.CORRECTED:
        head = (
            f"By themselves these differences would count; among {marks.comparisons:,} comparisons chance "
            "gives ones like them too often"
        )
        details = [f"{cell.p}, {cell.corrected_p}; {cell.ends}" for cell in cells]
    else:
        head = (
            f"Intervals of the mean, which assume nearly normal {_varies(marks)}, leave out 0; "
            f"the rank test does not find these{_reason(kind, cells, marks)}"
        )
    named = [f"{cell.label} ({detail})" for cell, detail in zip(cells, details, strict=True)]
    more = f" and {len(named) - _MOST_NAMED:,} more" if len(named) > _MOST_NAMED else ""
    return f"{head}: {'; '.join(named[:_MOST_NAMED])}{more}."


def _varies(marks: Marks) -> str:
    return "differences" if marks.paired else "readings"


def _reason(kind: _Kind, cells: Sequence[_Cell], marks: Marks) -> str:
    """Return why the test could not find anything, whatever the readings."""
    if kind is not _Kind.TOO_FEW:
        return ""
    needed = repetitions_for_p(1 - marks.level, paired=marks.paired)
    units = "pairs" if marks.paired else "repetitions of each"
    are_few = any(min(cell.test.sizes) < needed for cell in cells)
    return f", and cannot with fewer than {needed} {units}{'' if are_few else ' that differ'}"


def _ends(test: CellTest) -> str:
    if test.difference is None:
        return ""
    return from_to(test.difference.estimate, test.difference.low, test.difference.high)
