"""The page about tables keeps up with the code."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from experiments.series_file.loading import load_series_file
from experiments.series_file.sections.tables import TableSpec
from meta.tables.data.cells import MAX_COLUMNS, MAX_ROWS
from meta.tables.data.significance_marks import MOST_COMPARISONS

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")


def test_the_example_is_valid_for_the_shipped_series() -> None:
    """The tables of the page load as part of configs/quickstart.yaml."""
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    shipped = yaml.safe_load((ROOT / "configs" / "quickstart.yaml").read_text(encoding="utf-8"))
    shipped["grid"]["learning_rate"] = [0.001, 0.1]
    tables = load_series_file({**shipped, **yaml.safe_load(example)}).file.tables
    assert [table.select for table in tables] == [None, "best_per_row", None]
    assert tables[2].ends


def test_limits_are_those_of_the_code() -> None:
    """Numbers on the page are the constants of the modules; every format has its row."""
    assert f"at most {MAX_ROWS} rows and {MAX_COLUMNS} columns" in PAGE
    assert f"More than {MOST_COMPARISONS:,} comparisons are not made" in PAGE
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert rows[:4] == ["markdown", "latex", "csv", "html"]
    assert set(TableSpec.model_fields["to"].default) <= set(rows)
