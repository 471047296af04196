"""What belongs together decides between the tests of a table, as the file or the table says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from experiments.series_file.models import AnalysisSection, MetricSection, ResampledSection
from experiments.series_file.sections.tables import TableSpec
from meta.tables.data.table import make_table

COUNT = 12


def reading(method: str, data: int, repetition: int) -> float:
    rng = np.random.default_rng([data, repetition, ord(method)])
    return float(rng.normal((method == "b") * 0.8))


def readings(method: str, data: int) -> list[float]:
    return [reading(method, data, repetition) for repetition in range(COUNT)]


@pytest.fixture
def records(make_records):
    """Return two methods on two data sets."""
    return make_records(
        {"method": ["a", "b"], "data": [1, 2]},
        results=lambda p, r: {"score": reading(p["method"], p["data"], r)},
        repetitions=COUNT,
        labels={"score": MetricSection(goal="max")},
    )


def table(records, analysis: AnalysisSection | None = None, **asked):
    spec = TableSpec.model_validate({"y": "score", "rows": "method", "columns": "data", **asked})
    return make_table(spec, replace(records, analysis=analysis or AnalysisSection()))


@pytest.mark.parametrize("by_table", [True, False])
def test_equal_seeds_may_mean_nothing(records, by_table: bool) -> None:
    """`paired: false` of the table, or of `analysis`, compares independent repetitions."""
    made = table(records, paired=False) if by_table else table(records, AnalysisSection(paired=False))
    assert made.marks.test == "Mann-Whitney test"
    raw = [
        stats.mannwhitneyu(readings("a", data), readings("b", data), method="exact").pvalue for data in (1, 2)
    ]
    found = [made.marks.tests[(0,), (column,)].result.p_value for column in (0, 1)]
    assert found == pytest.approx(raw)
    welch = stats.ttest_ind(readings("a", 1), readings("b", 1), equal_var=False).confidence_interval()
    apart = made.marks.tests[(0,), (0,)].difference
    assert apart is not None
    assert (apart.low, apart.high) == pytest.approx((welch.low, welch.high))


def test_within_a_stratum_equal_seeds_are_pairs(records) -> None:
    """Methods on one data set are pairs; values of the stratum itself are independent."""
    strata = AnalysisSection(strata=("data",))
    assert table(records, strata).marks.test == "Wilcoxon signed-rank test"
    assert table(records, strata, rows="data", columns="method").marks.test == "Mann-Whitney test"
    assert table(records, strata, rows="data", columns="method", strata=[]).marks.test.startswith("Wilcoxon")


def test_resampled_splits_have_their_own_test(records) -> None:
    """The corrected resampled t test: 1/n + test/train in place of 1/n."""
    made = table(records, AnalysisSection(resampled=ResampledSection(test=45, train=105)))
    apart = np.subtract(readings("a", 1), readings("b", 1))
    t = apart.mean() / np.sqrt((1 / COUNT + 45 / 105) * apart.var(ddof=1))
    test = made.marks.tests[(0,), (0,)]
    assert made.marks.test == "corrected resampled t test"
    assert test.result.p_value == pytest.approx(2 * stats.t.sf(abs(t), COUNT - 1))
    assert test.difference is not None
    assert (test.difference.low <= 0 <= test.difference.high) == (test.result.p_value > 0.05)
    assert made.marks.warnings == []
    assert "Corrected for resampled splits of one data set, test/train 45/105" in " ".join(made.notes)


def test_splits_that_are_no_pairs_are_not_tested(records) -> None:
    """The numbers of the table are as right as ever."""
    analysis = AnalysisSection(strata=("data",), resampled=ResampledSection(test=45, train=105))
    made = table(records, analysis, rows="data", columns="method")
    assert (made.marks.tests, len(made.marks.best)) == ({}, 2)
    assert any(sentence.startswith("Not tested: resampled splits") for sentence in made.notes)
