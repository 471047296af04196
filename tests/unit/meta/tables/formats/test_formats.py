"""Each format says the same, and nothing that a user names breaks it."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.tables import TableSpec
from meta.tables.data.ends import BothEnds
from meta.tables.data.table import Table, make_table
from meta.tables.formats.csv import comma_separated
from meta.tables.formats.html import html
from meta.tables.formats.latex import escaped, latex
from meta.tables.formats.markdown import markdown

#: Names that mean something to Markdown, LaTeX, HTML and spreadsheets.
HOSTILE = ["a|b*c_d", r"50% & \x{y}$ #~^", "<script>alert('1')</script>", "=1+2", "[opt] --x", "é µ", "*opt"]


@pytest.fixture
def hostile(make_records) -> Table:
    """Return a table with hostile names, one cell without readings, and different counts."""

    def results(parameters, repetition: int):
        place = HOSTILE.index(parameters["opt_name"])
        if (place == 1 and parameters["n & m"] == 2) or (place == 0 and repetition > 3):
            return None
        return {"acc_%": -1.5 * place + 0.1 * repetition}

    records = make_records(
        {"opt_name": HOSTILE, "n & m": [1, 2]},
        results=results,
        repetitions=6,
        missing=lambda p: {"timed_out": 6} if p["opt_name"] == HOSTILE[1] and p["n & m"] == 2 else {},
        labels={"acc_%": MetricSection(goal="min", unit="%")},
    )
    return make_table(TableSpec(y="acc_%", rows=("opt_name",), columns=("n & m",), title="A_b & c"), records)


@pytest.fixture
def plain(make_records) -> Table:
    """Return a small table with an interval."""
    records = make_records(
        {"lr": [0.1, 0.2]},
        results=lambda p, r: {"accuracy": 10 * p["lr"] + 0.1 * r},
        repetitions=5,
        labels={"accuracy": MetricSection(goal="max", label="Test accuracy", unit="%")},
    )
    return make_table(TableSpec(y="accuracy", rows=("lr",)), records)


def test_markdown_has_equal_cells_in_each_line(hostile: Table) -> None:
    """Escaped bars aside, each line of the table has the same number of bars."""
    lines = [line for line in markdown(hostile).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(HOSTILE)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {4}
    assert r"a\|b\*c\_d" in lines[2]
    assert r"\<script\>" in lines[4]
    assert "–" in lines[3]  # noqa: RUF001 - the dash of a table


def test_markdown_says_value_and_half_width(plain: Table) -> None:
    """A cell is the value, plus minus half of the width; the best is bold."""
    text = markdown(plain)
    assert "| lr  | Test accuracy \\(%\\) |" in text
    assert re.search(r"\| 0\.1 +\| +1\.20 ± 0\.20 \|", text)
    assert re.search(r"\| 0\.2 +\| +\*\*2\.20 ± 0\.20\*\* \|", text)


def test_latex_is_balanced_and_escaped(hostile: Table) -> None:
    """Environments and braces are closed, each row has as many columns, no sign of a user is a command."""
    text = latex(hostile, "table-1")
    assert re.findall(r"\\begin\{(\w+)\}", text) == re.findall(r"\\end\{(\w+)\}", text)[::-1]
    assert re.findall(r"\\(toprule|midrule|bottomrule)", text) == ["toprule", "midrule", "bottomrule"]
    without = re.sub(r"\\[{}]", "", text)
    assert without.count("{") == without.count("}")
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0]
    rows = [line for line in body.splitlines() if line]
    assert len(rows) == len(HOSTILE)
    assert all(len(re.findall(r"(?<!\\)&", row)) == 2 and row.endswith(r"\\") for row in rows)
    assert r"50\% \& \textbackslash{}x\{y\}\$ \#\textasciitilde{}\textasciicircum{}" in rows[1]
    assert rows[4].startswith("{[}opt{]} -{}-x")
    assert rows[6].startswith("{*}opt")  # else the star of the line before
    assert "$-6.0" not in text.split(r"\midrule")[0]
    assert re.search(r"(?<!\\)%", text.splitlines()[1]) is None
    assert r"\usepackage{booktabs}" in text.splitlines()[0]
    assert not any(line.strip() == "" for line in text.splitlines())


def test_latex_escapes_every_sign_that_means_something() -> None:
    """What a user names stands in the table as it was written."""
    assert escaped("_ % & # $ { } ~ ^ \\") == (
        r"\_ \% \& \# \$ \{ \} \textasciitilde{} \textasciicircum{} \textbackslash{}"
    )
    assert escaped('<a|b> "c" `d` [e]') == (
        r"\textless{}a\textbar{}b\textgreater{} \symbol{34}c\symbol{34} {`}d{`} {[}e{]}"
    )


def test_latex_warns_of_signs_that_pdflatex_does_not_know(plain: Table, hostile: Table) -> None:
    """Latin letters are fine; what needs another engine is told in a comment."""
    assert "xelatex" not in latex(plain, "t")
    greek = replace(plain, notes=["α is greek."])  # noqa: RUF001 - on purpose
    assert "xelatex" in latex(greek, "t").splitlines()[0]
    assert escaped("a\nb") == "a b"


def test_csv_has_every_digit(plain: Table) -> None:
    """One line per cell, with numbers as they are."""
    rows = list(csv.DictReader(io.StringIO(comma_separated(plain))))
    assert [row["parameters.lr"] for row in rows] == ["0.1", "0.2"]
    cells = list(plain.cells.cells.values())
    for row, cell in zip(rows, cells, strict=True):
        assert (float(row["value"]), float(row["low"]), float(row["high"])) == (
            cell.estimate,
            cell.low,
            cell.high,
        )
        assert (row["result"], row["interval"], row["n"], row["missing"]) == ("accuracy", "t", "5", "0")
    assert [row["best"] for row in rows] == ["false", "true"]


def test_csv_names_the_interval_of_each_cell(make_records) -> None:
    """Ends are empty where there is none: of two repetitions, and where nothing varied."""

    def results(parameters, repetition: int):
        few = parameters["lr"] == 2 and repetition > 1
        return None if few else {"accuracy": repetition * (parameters["lr"] != 3)}

    records = make_records({"lr": [1, 2, 3]}, results=results)
    table = make_table(TableSpec(y="accuracy", rows=("lr",)), records)
    rows = list(csv.DictReader(io.StringIO(comma_separated(table))))
    assert [(row["n"], row["interval"]) for row in rows] == [("5", "t"), ("2", ""), ("5", "nothing varied")]
    assert [row["low"] + row["high"] for row in rows[1:]] == ["", ""]
    assert [row["value"] for row in rows] == ["2.0", "0.5", "0.0"]


def test_csv_of_hostile_names_is_read_back(hostile: Table) -> None:
    """What a spreadsheet would run is quoted, the rest comes back; an empty cell has no numbers."""
    rows = list(csv.DictReader(io.StringIO(comma_separated(hostile))))
    assert [row["parameters.opt_name"] for row in rows[::2]] == [*HOSTILE[:3], "'=1+2", *HOSTILE[4:]]
    assert (rows[3]["value"], rows[3]["n"], rows[3]["missing"]) == ("", "0", "6")


class _Reader(HTMLParser):
    """Collects tags and texts, and checks that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.tags.add(tag)
        if tag in {"td", "th"}:
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


def test_html_is_closed_and_escaped(hostile: Table) -> None:
    """All tags are ours and closed, and names come back as texts."""
    reader = _Reader()
    reader.feed(html(hostile))
    reader.close()
    assert reader.open == []
    assert "script" not in reader.tags
    assert [name for name in HOSTILE if name in reader.cells] == HOSTILE
    assert "http" not in html(hostile)


def test_each_cell_says_its_count_where_they_differ(hostile: Table, plain: Table) -> None:
    """Where numbers of repetitions differ each cell has its own; else the note says it once."""
    assert "(n = 4)" in markdown(hostile)
    assert "(n = 6)" in markdown(hostile)
    assert "(n =" not in markdown(plain)
    assert "n = 5 repetitions in each cell" in markdown(plain)


def test_both_ends_on_request(plain: Table) -> None:
    """`ends` writes the interval in brackets in each format."""
    table = replace(plain, ends=BothEnds(frozenset(plain.cells.columns)))
    assert re.search(r"1\.20 \[1\.\d\d, 1\.\d\d\]", markdown(table))
    assert re.search(r"1\.20 \[1\.\d\d, 1\.\d\d\] \\\\", latex(table, "t"))
    assert re.search(r"1\.20 \[1\.\d\d, 1\.\d\d\]</td>", html(table))


def test_large_numbers_have_a_power_of_ten(make_records) -> None:
    """Each format writes the power in its own signs."""
    records = make_records({"lr": [1]}, results=lambda _p, r: {"flops": (5 + r) * 1e12}, repetitions=5)
    table = make_table(TableSpec(y="flops", rows=("lr",)), records)
    assert re.search(r"\(7\.0 ± 2\.0\) × 10\^12", markdown(table))  # noqa: RUF001 - the sign of a product
    assert re.search(r"\(7\.0 \$\\pm\$ 2\.0\) \$\\times 10\^\{12\}\$", latex(table, "t"))
    assert re.search(r"\(7\.0 ± 2\.0\) × 10<sup>12</sup>", html(table))  # noqa: RUF001 - the same
