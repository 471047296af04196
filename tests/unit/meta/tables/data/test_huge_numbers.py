"""Tables and comparisons of readings near the end of 64-bit floats: right, or refused with a reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.tables import TableSpec
from meta import comparison_text
from meta.comparison import compare_values
from meta.records.errors import GraphError
from meta.tables.data.table import make_table
from meta.tables.formats.markdown import markdown

TABLES: list[dict[str, Any]] = [
    {"rows": "a", "columns": "b"},
    {"rows": "a", "over": "b", "interval": "bca"},
    {"rows": "a", "columns": "b", "interval": "sd"},
    {"rows": "a", "columns": "b", "interval": "se"},
    {"rows": "a", "columns": "b", "estimator": "median", "interval": "exact"},
    {"rows": "a", "select": "best_per_row", "estimator": "iqm"},
]


def series(make_records, scale: float) -> Any:
    def reading(parameters, repetition: int) -> float:
        noise = np.random.default_rng([repetition, parameters["a"], parameters["b"]]).uniform(-0.4, 0.4)
        return float(scale * (parameters["a"] / 4 + noise))

    labels = {"y": MetricSection(goal="max")}
    grid = {"a": [1, 2], "b": [1, 2]}
    return make_records(grid, results=lambda p, r: {"y": reading(p, r)}, repetitions=12, labels=labels)


def table(records, asked: dict[str, Any]) -> str:
    return markdown(make_table(TableSpec.model_validate({"y": "y", **asked}), records))


@pytest.mark.parametrize("asked", TABLES, ids=str)
def test_huge_readings_have_tables_or_a_reason(make_records, asked: dict[str, Any]) -> None:
    """Up to 1e200 a table differs by the power of ten only; beyond, there is none."""
    small = table(series(make_records, 1e-30), asked)
    powers = {f"10^{number}": f"10^{number + 230}" for number in (-30, -31, -32)}
    for written, expected in powers.items():
        small = small.replace(written, expected)
    assert "10^199" in small or "10^200" in small
    assert table(series(make_records, 1e200), asked) == small
    with pytest.raises(GraphError, match=r"'y' has readings as large as .*e\+30\d, and beyond 1e\+200"):
        table(series(make_records, 1.7e308), asked)


def test_huge_readings_are_compared_or_refused(make_records) -> None:
    """The same verdict whatever the scale, also how many more seeds would decide."""
    compared = [compare_values(series(make_records, scale), "a", "y", over=["b"]) for scale in (1, 1e200)]
    small, huge = (comparison_text.row(found.pairs[0], found) for found in compared)
    assert (small[0], small[4:]) == (huge[0], huge[4:])
    with pytest.raises(GraphError, match="'y' has readings as large as"):
        compare_values(series(make_records, 1.7e308), "a", "y", over=["b"])
