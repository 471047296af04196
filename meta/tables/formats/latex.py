"""Tables in LaTeX, for the package booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from meta.tables.data.table import Table
from meta.tables.formats.cell_text import Signs, cell_text

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "#": r"\#",
    "$": r"\$",
    "%": r"\%",
    "&": r"\&",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\symbol{34}",  # babel gives it another meaning in some languages
    "`": "{`}",
    "[": "{[}",  # after a line's end it would begin an argument, and a star would be the line's end's
    "]": "{]}",
    "*": "{*}",
    "±": r"\ensuremath{\pm}",
}
#: Characters that pdflatex can print without further packages.
_KNOWN = re.compile(r"[\x20-\x7e\xa1-\u017f]*\Z")


def escaped(text: str) -> str:
    """Return a text of a user in one line, with LaTeX's special characters escaped."""
    escaped_text = "".join(_SPECIAL.get(sign, sign) for sign in " ".join(text.split()))
    return re.sub(r"-(?=-)", "-{}", escaped_text)  # two hyphens would be a dash


def _bold(text: str) -> str:
    return rf"{{\boldmath\bfseries {text}}}"


SIGNS = Signs(
    escape=escaped,
    bold=_bold,
    plus_minus=r" $\pm$ ",
    star="$^{*}$",
    nothing="--",
    power=lambda exponent: rf" $\times 10^{{{exponent}}}$",
    number=lambda text: f"${text}$" if text.startswith("-") else text,
)


def latex(table: Table, name: str) -> str:
    r"""Return a floating table with caption and ``\label{tab:NAME}``.

    Parameters
    ----------
    table : Table
    name : str
        Of the table's files.
    """
    columns = table.cells.columns
    left = len(table.row_heads())
    lines = [
        "% needs \\usepackage{booktabs} in the preamble",
        r"\begin{table}",
        r"\centering",
        rf"\caption[{escaped(table.title)}]{{{escaped(table.title)}. {escaped(' '.join(table.notes))}}}",
        rf"\label{{tab:{name}}}",
        rf"\begin{{tabular}}{{{'l' * left}{'r' * len(columns)}}}",
        r"\toprule",
    ]
    group = table.group_head()
    if group is not None:
        lines.append(_line([*[""] * left, rf"\multicolumn{{{len(columns)}}}{{c}}{{{escaped(group)}}}"]))
        lines.append(rf"\cmidrule(l){{{left + 1}-{left + len(columns)}}}")
    lines.append(_line(map(escaped, [*table.row_heads(), *map(table.column_label, columns)])))
    lines.append(r"\midrule")
    lines += [
        _line(
            [
                *map(escaped, table.row_labels(row)),
                *(cell_text(table, (row, column), SIGNS) for column in columns),
            ]
        )
        for row in table.cells.rows
    ]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    text = "\n".join(lines)
    if not all(_KNOWN.match(line) for line in lines):
        text = (
            "% has signs that pdflatex may not know; xelatex and lualatex do, with a font that has them\n"
            + text
        )
    return text


def _line(texts: Iterable[str]) -> str:
    return " & ".join(texts) + r" \\"
