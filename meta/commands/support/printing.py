"""Printing tables, facts and JSON, on a terminal and into a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from experiments.units import duration_text

if TYPE_CHECKING:
    from rich.console import Console

#: Longer cells of a table are truncated.
MAX_CELL = 60
#: Free text is broken into lines no shorter than this; where that is not enough, a table is plain text.
_MIN_FREE = 12
#: Between two columns, as rich draws them.
_GAP = 3


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title : str
        Its heading.
    right : bool
        Whether cells are aligned to the right, as numbers are.
    free : bool
        Whether the text may be wrapped; other cells never are.
    sparse : bool
        Whether it is left out on a narrow terminal when it has only zeros.
    """

    title: str
    right: bool = False
    free: bool = False
    sparse: bool = False


class Bold(str):
    """An emphasized cell: bold on a terminal, between stars elsewhere."""

    __slots__ = ()


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: drawn by rich on a terminal that is wide enough, plain aligned text otherwise."""
    columns = [replace(column, title=printable(column.title)) for column in columns]
    cells = [[_kept_bold(value, cell_text(value)) for value in row] for row in rows]
    if sys.stdout.isatty():
        _print_on_terminal(columns, cells)
    else:
        _print_plain(columns, cells)


def _kept_bold(value: object, text: str) -> str:
    return Bold(text) if isinstance(value, Bold) else text


def _print_on_terminal(columns: Sequence[Column], rows: list[list[str]]) -> None:
    from rich.console import Console

    console = Console()
    if not _fits(columns, rows, console.width):
        columns, rows = _without_zeros(columns, rows)
    if _fits(columns, rows, console.width):
        _print_rich(console, columns, rows)
    else:  # rich would cut numbers; the terminal breaks the lines
        _print_plain(columns, rows)


def _fits(columns: Sequence[Column], rows: list[list[str]], width: int) -> bool:
    from rich.cells import cell_len

    table = [[column.title for column in columns], *rows]
    needed = [max(cell_len(row[place]) for row in table) for place in range(len(columns))]
    least = [
        min(length, _MIN_FREE) if column.free else length
        for column, length in zip(columns, needed, strict=True)
    ]
    return sum(least) + _GAP * (len(columns) - 1) <= width


def _without_zeros(columns: Sequence[Column], rows: list[list[str]]) -> tuple[list[Column], list[list[str]]]:
    kept = [
        place
        for place, column in enumerate(columns)
        if not column.sparse or any(row[place] != "0" for row in rows)
    ]
    return [columns[place] for place in kept], [[row[place] for place in kept] for row in rows]


def _print_rich(console: Console, columns: Sequence[Column], rows: list[list[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:  # as text, here and below: brackets of users are no markup
        table.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            no_wrap=not column.free,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(cell, style="bold" if isinstance(cell, Bold) else "") for cell in row))
    console.print(table)


def _print_plain(columns: Sequence[Column], rows: list[list[str]]) -> None:
    starred = [[f"**{cell}**" if isinstance(cell, Bold) else cell for cell in row] for row in rows]
    table = [[column.title for column in columns], *starred]
    widths = [max(len(row[place]) for row in table) for place in range(len(columns))]
    for row in table:
        parts = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
        click.echo("  ".join(parts).rstrip())


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, aligned; None and empty values are left out."""
    shown = {
        printable(name): value for name, value in facts.items() if value is not None and value not in ("", [])
    }
    width = max((len(name) for name in shown), default=0)
    for name, value in shown.items():
        click.echo(f"{name:<{width}}  {printable(value if isinstance(value, str) else shown_value(value))}")


def print_block(title: str, text: str) -> None:
    """Print several lines of a user's text under a title."""
    click.echo(f"{title}:")
    for line in text.splitlines():
        click.echo(f"    {printable(line)}")


def print_json(value: object) -> None:
    """Print `value` as JSON; NaN and the infinities, which JSON does not have, as {"$float": "nan"}."""
    from meta.formats.json_format import json_ready

    ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")
    click.echo(json.dumps(json_ready(value), indent=2, ensure_ascii=ascii_only, allow_nan=False))


def cell_text(value: object) -> str:
    """Return the text of a cell of a table, truncated to `MAX_CELL` characters."""
    text = printable(value if isinstance(value, str) else shown_value(value))
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"


def shown_value(value: object) -> str:
    """Return a value as text."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(value, str):
        return value
    from meta.formats.json_format import json_ready

    return json.dumps(value, ensure_ascii=False, default=json_ready)


def parameter_value(value: object) -> str:
    """Return a parameter's value as series files have it: ``5``, ``5.0``, ``true`` and ``"true"`` differ."""
    if value is None:
        return "null"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str) and not _is_plain_text(value):
        return json.dumps(value, ensure_ascii=False)
    return shown_value(value)


def _is_plain_text(text: str) -> bool:
    """Return whether a series file may have `text` without quotes."""
    from experiments.series_file.reading.scalars import (
        AmbiguousScalarError,
        foreign_word_problem,
        plain_scalar,
    )

    try:
        return isinstance(plain_scalar(text), str) and foreign_word_problem(text) is None
    except AmbiguousScalarError:
        return False


def pairs(values: Mapping[str, Any], show: Callable[[object], str] = shown_value) -> str:
    """Return dotted names and their values, as `show` shows them, in one line."""
    return " ".join(f"{name}={show(value)}" for name, value in values.items())


def duration(seconds: float | None) -> str:
    """Return a time span as text, or a dash where there is none."""
    return "-" if seconds is None else duration_text(seconds)


def size(count: int) -> str:
    """Return a number of bytes as text, in binary units."""
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.4g} {unit}"
        amount /= 1024
    return f"{amount:.4g} TiB"


def printable(text: str) -> str:
    """Return `text` with control characters escaped: they could change what the terminal shows."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == "\t" else repr(character)[1:-1]
        for character in text
    )


def printable_lines(text: str) -> str:
    """Return `text` with control characters escaped, but for the ends of its lines."""
    return "\n".join(map(printable, text.split("\n")))
