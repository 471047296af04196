"""The page about statistics says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.coverage import (
    DISTRIBUTIONS,
    RATE_ROWS,
    RATES,
    ROWS,
    SIZES,
    STUDIES,
    Row,
    least,
    of_rate,
    of_rates,
    of_readings,
)
from meta.statistics.estimators.location import ESTIMATORS
from meta.statistics.intervals.skewness import coverage_of_lognormal

PAGE = (Path(__file__).parents[4] / "docs" / "statistics.md").read_text(encoding="utf-8")
#: Drawings take long: of intervals between their quantiles these cells are simulated.
OF_DRAWINGS = {"normal": 10, "accuracy": 5}


def covered(label: str) -> list[list[float | None]]:
    """Return the row of a table of coverage: per column, the share at each size; None for a dash."""
    row = re.search(rf"^\| {re.escape(label)} \| (.*) \|$", PAGE, re.MULTILINE)
    assert row is not None, label
    cells = [cell.split() for cell in row[1].split(" | ")]
    return [[None if one == "-" else int(one) / 100 for one in cell] for cell in cells]


def test_examples_print_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Every example runs, in the order of the page, and prints the lines below it."""
    examples = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == PAGE.count("```python") == 4
    names: dict[str, object] = {}
    for code, printed in examples:
        exec(compile(code, "statistics.md", "exec"), names)
        assert capsys.readouterr().out == printed


def test_every_estimator_is_described() -> None:
    """The table has a row for each name that series files may use."""
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(ESTIMATORS)


def test_the_tables_of_coverage_have_the_heads_of_the_benchmark() -> None:
    """Their columns are its columns; the tests below find their rows."""
    assert f"\n{next(of_readings())}\n" in PAGE
    assert f"\n{next(of_rates())}\n" in PAGE


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_the_coverage_of_intervals_is_right(row: Row) -> None:
    """Each figure is that of simulated studies, within 1.5 of 100."""
    for column, distribution in zip(covered(row.label), DISTRIBUTIONS, strict=True):
        for size, share in zip(SIZES, column, strict=True):
            if not row.is_drawn or OF_DRAWINGS.get(distribution.name) == size:
                found = row.coverage(distribution, size, STUDIES)
                assert found == (None if share is None else pytest.approx(share, abs=0.015)), (
                    distribution.name,
                    size,
                )


@pytest.mark.parametrize("label", RATE_ROWS)
def test_the_coverage_of_rates_is_right(label: str) -> None:
    """Each figure is counted out, the least one over all rates too."""
    *of_some, of_all = covered(label)
    ends = RATE_ROWS[label]
    for rate, column in zip(RATES, of_some, strict=True):
        found = [of_rate(ends, rate, size) for size in SIZES]
        assert found == [None if share is None else pytest.approx(share, abs=0.006) for share in column]
    found = [least(ends, size) for size in SIZES]
    assert found == [None if share is None else pytest.approx(share, abs=0.006) for share in of_all]


def test_notes_say_the_coverage_of_lognormal_readings_that_the_page_has() -> None:
    """What a note says of skewed readings is the figure at the next smaller number of readings."""
    (column,) = (
        column
        for column, distribution in zip(covered("**mean, t**"), DISTRIBUTIONS, strict=True)
        if distribution.name == "lognormal"
    )
    shares = dict(zip(SIZES, column, strict=True))
    assert {size: coverage_of_lognormal(size) / 100 for size in SIZES[1:]} == {
        size: shares[size] for size in SIZES[1:]
    }
