"""CSV files with every digit of a number, and without text that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

from meta.formats.json_format import json_ready

#: A spreadsheet runs text that begins so as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_cell(value: Any) -> str:
    """Return the cell of a value: every digit; text that a spreadsheet would run is escaped by ``'``."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(json_ready(value), ensure_ascii=False, allow_nan=False)


def line_writer(stream: TextIO) -> Callable[[Iterable[Any]], None]:
    """Return a function that writes one line of values.

    Parameters
    ----------
    stream : text file
        Opened with ``newline=""``.
    """
    plain = csv.writer(stream, lineterminator="\n")
    # Before Python 3.13 a carriage return alone is not quoted, and read as the end of a line.
    quoting = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)

    def write(values: Iterable[Any]) -> None:
        cells = [csv_cell(value) for value in values]
        (quoting if any("\r" in cell for cell in cells) else plain).writerow(cells)

    return write


def write_rows(stream: TextIO, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with a column for each name that any of them has; missing values are empty.

    Parameters
    ----------
    stream : text file
        Opened with ``newline=""``.
    rows : sequence of mapping of str to object
    """
    write = line_writer(stream)
    names = list(dict.fromkeys(name for row in rows for name in row))
    write(names)
    for row in rows:
        write(row.get(name) for name in names)
