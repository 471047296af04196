"""The text of a cell, in the notation of a format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meta.tables.data.cells import Cell, Place
from meta.tables.data.rounding import Shown, each_shown, is_far_lopsided, shown
from meta.tables.data.table import Table


@dataclass(frozen=True)
class Signs:
    """The notation of a format.

    Attributes
    ----------
    escape : callable
        Makes a text of a user harmless.
    bold : callable
        Makes an escaped text bold.
    plus_minus, star, nothing : str
        ``nothing`` is written where there is no reading.
    power : callable
        Writes "times ten to the power of".
    number : callable
        Writes a number, the minus sign of which may need more than a hyphen.
    """

    escape: Callable[[str], str]
    bold: Callable[[str], str]
    plus_minus: str
    star: str
    nothing: str
    power: Callable[[int], str]
    number: Callable[[str], str] = str


#: For a terminal, where the printing command sets bold.
PLAIN = Signs(
    escape=str,
    bold=str,
    plus_minus=" ± ",
    star="*",
    nothing="–",  # noqa: RUF001 - the dash of a table
    power=lambda exponent: f"e{exponent}",
)


def cell_text(table: Table, place: Place, signs: Signs) -> str:
    """Return the text of a cell."""
    cell = table.cells.cells.get(place)
    if cell is None:
        return ""
    if not cell.has_estimate:
        return signs.nothing
    text = _numbers(cell, signs, with_ends=place[1] in table.ends.columns)
    if place in table.marks.best:
        text = signs.bold(text)
    if table.marks.differs(place):
        text += signs.star
    if table.shows_count(cell):
        text += f" (n = {cell.repetitions})"
    return text


def _numbers(cell: Cell, signs: Signs, *, with_ends: bool) -> str:
    if with_ends and is_far_lopsided(cell.estimate, cell.low, cell.high):
        value, low, high = (_number(one, signs) for one in each_shown(cell.estimate, cell.low, cell.high))
        return f"{value} [{low}, {high}]"
    rounded = shown(cell.estimate, cell.low, cell.high)
    value, half, low, high = (
        signs.number(text) for text in (rounded.value, rounded.half, rounded.low, rounded.high)
    )
    text = value
    if rounded.half:
        text = f"{value} [{low}, {high}]" if with_ends else f"{value}{signs.plus_minus}{half}"
    if rounded.exponent:
        text = f"({text})" if rounded.half else text
        text += signs.power(rounded.exponent)
    return text


def _number(number: Shown, signs: Signs) -> str:
    return signs.number(number.value) + (signs.power(number.exponent) if number.exponent else "")
