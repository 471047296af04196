"""The page about statistics says what the code does."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from meta.statistics.comparisons.sample_size import coverage_of_mean
from meta.statistics.estimators.location import ESTIMATORS
from meta.statistics.intervals.bootstrap import bootstrap_interval
from meta.statistics.intervals.resampling import Method, Resampling

PAGE = (Path(__file__).parents[4] / "docs" / "statistics.md").read_text(encoding="utf-8")


def test_examples_print_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Every example runs, in the order of the page, and prints the lines below it."""
    examples = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == PAGE.count("```python") == 3
    names: dict[str, object] = {}
    for code, printed in examples:
        exec(compile(code, "statistics.md", "exec"), names)
        assert capsys.readouterr().out == printed


def test_every_estimator_is_described() -> None:
    """The table has a row for each name that series files may use."""
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(ESTIMATORS)


@pytest.mark.parametrize(("method", "promised"), [("percentile", 90), ("bca", 92)])
def test_coverage_is_what_the_page_admits(method: Method, promised: int) -> None:
    """Intervals of the mean of 20 exponential readings hold it as often as the page says."""
    assert f"about {promised} of 100" in PAGE
    studies = np.random.default_rng(11).exponential(size=(20, 1_500))
    found = bootstrap_interval(studies, Resampling(1, resamples=1_000, method=method))
    assert float(np.mean((found.low <= 1) & (found.high >= 1))) == pytest.approx(promised / 100, abs=0.02)


@pytest.mark.parametrize("count", [5, 10, 20, 30])
def test_the_table_of_coverage_is_right(count: int) -> None:
    """Each figure is that of simulated studies of so many readings, or of the formula."""
    generator, how = np.random.default_rng(1), Resampling(1, resamples=1_000)
    expected = [coverage_of_mean(count)]
    for studies, mean in (
        (generator.normal(size=(count, 2_000)), 0.0),
        (generator.lognormal(size=(count, 2_000)), np.exp(0.5)),
    ):
        for method in ("percentile", "bca"):
            found = bootstrap_interval(studies, replace(how, method=method))
            expected.append(float(np.mean((found.low <= mean) & (found.high >= mean))))
    row = re.search(rf"^  \| {count} \| (.*) % \|$", PAGE, re.MULTILINE)
    assert row is not None
    assert [int(one) / 100 for one in row[1].split(" % | ")] == pytest.approx(expected, abs=0.025)
