"""Tables as a self-contained fragment of HTML: no script, no style sheet, no network."""

from __future__ import annotations

from html import escape

from meta.tables.data.table import Table
from meta.tables.formats.cell_text import Signs, cell_text

SIGNS = Signs(
    escape=escape,
    bold=lambda text: f"<strong>{text}</strong>",
    plus_minus=" ± ",
    star="<sup>*</sup>",
    nothing="–",  # noqa: RUF001 - the dash of a table
    power=lambda exponent: f" × 10<sup>{exponent}</sup>",  # noqa: RUF001 - the sign of a product
    number=lambda text: text.replace("-", "\N{MINUS SIGN}"),
)

_CELL = "padding: 0.2em 0.8em"
_RULE = "border-bottom: 1px solid currentColor"


def html(table: Table) -> str:
    """Return a ``<figure>`` with the table, its title above and its note below."""
    columns, heads = table.cells.columns, table.row_heads()
    lines = ["<figure>", f"<figcaption><strong>{escape(table.title)}</strong></figcaption>"]
    lines += ['<table style="border-collapse: collapse; font-variant-numeric: tabular-nums">', "<thead>"]
    group = table.group_head()
    if group is not None:
        empty = f'<td colspan="{len(heads)}"></td>' if heads else ""
        head = f'<th scope="colgroup" colspan="{len(columns)}" style="{_CELL}">{escape(group)}</th>'
        lines.append(f"<tr>{empty}{head}</tr>")
    named = [_head(head, "left") for head in heads]
    named += [_head(table.column_label(column), "right") for column in columns]
    lines += [f"<tr>{''.join(named)}</tr>", "</thead>", "<tbody>"]
    for row in table.cells.rows:
        cells = [
            f'<th scope="row" style="{_CELL}; text-align: left; font-weight: normal">{escape(label)}</th>'
            for label in table.row_labels(row)
        ]
        cells += [
            f'<td style="{_CELL}; text-align: right">{cell_text(table, (row, column), SIGNS)}</td>'
            for column in columns
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    note = escape(" ".join(table.notes))
    lines += ["</tbody>", "</table>", f"<p><small>{note}</small></p>", "</figure>", ""]
    return "\n".join(lines)


def _head(text: str, side: str) -> str:
    return f'<th scope="col" style="{_CELL}; {_RULE}; text-align: {side}">{escape(text)}</th>'
