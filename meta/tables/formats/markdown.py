"""Tables in GitHub-flavored Markdown."""

from __future__ import annotations

import re

from meta.tables.data.table import Table
from meta.tables.formats.cell_text import Signs, cell_text

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-!|~$&])")


def escaped(text: str) -> str:
    """Return a text of a user in one line, with Markdown's special characters escaped."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


SIGNS = Signs(
    escape=escaped,
    bold=lambda text: f"**{text}**",
    plus_minus=" ± ",
    star=r"\*",
    nothing="–",  # noqa: RUF001 - the dash of a table
    power=lambda exponent: f" × 10^{exponent}",  # noqa: RUF001 - the sign of a product
)


def markdown(table: Table) -> str:
    """Return a table with its title and note."""
    group = table.group_head()
    heads = [escaped(head) for head in table.row_heads()]
    heads += [
        escaped(f"{group} = {table.column_label(column)}" if group else table.column_label(column))
        for column in table.cells.columns
    ]
    rows = [
        [
            *map(escaped, table.row_labels(row)),
            *(cell_text(table, (row, column), SIGNS) for column in table.cells.columns),
        ]
        for row in table.cells.rows
    ]
    left = len(table.row_heads())
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    lines = [
        _line([head.ljust(width) for head, width in zip(heads, widths, strict=True)]),
        _line(
            ["-" * width if place < left else "-" * (width - 1) + ":" for place, width in enumerate(widths)]
        ),
        *(
            _line(
                [
                    cell.ljust(width) if place < left else cell.rjust(width)
                    for place, (cell, width) in enumerate(zip(row, widths, strict=True))
                ]
            )
            for row in rows
        ),
    ]
    return "\n".join([f"**{escaped(table.title)}**", "", *lines, "", _note(table), ""])


def _note(table: Table) -> str:
    # A star or an underscore in the sentences may come from a user's name.
    return " ".join(re.sub(r"([\\`*_\[\]<>|$])", r"\\\1", sentence) for sentence in table.notes)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
