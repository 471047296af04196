"""What belongs together in a comparison: pairs, strata, and resampled splits of one data set."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from experiments.series_file.models import AnalysisSection, ResampledSection
from meta import comparison_text
from meta.comparison import compare_values
from meta.records.errors import GraphError

NOISE = np.random.default_rng(3).normal(size=(2, 9, 3))
SPLITS = ResampledSection(test=45, train=105)


@pytest.fixture
def records(make_records):
    """Return two methods on three data sets, nine repetitions each."""
    return make_records(
        {"opt": ["a", "b"], "data": [0, 1, 2]},
        results=lambda p, r: {
            "y": float(NOISE["ab".index(p["opt"]), r, p["data"]] + (p["opt"] == "a")),
            "tested": 45,
        },
        repetitions=9,
    )


def welch(parts: list[np.ndarray], weights: list[float]) -> tuple[float, float, float]:
    """Return a weighted sum of means, its standard error, and Satterthwaite's degrees of freedom."""
    variances = [w**2 * one.var(ddof=1) / len(one) for w, one in zip(weights, parts, strict=True)]
    mean = sum(w * one.mean() for w, one in zip(weights, parts, strict=True))
    of_degrees = sum(v**2 / (len(one) - 1) for v, one in zip(variances, parts, strict=True))
    return float(mean), math.sqrt(sum(variances)), sum(variances) ** 2 / of_degrees


def test_strata_add_up_their_variances(records) -> None:
    """Pairs within a data set; between data sets an equal seed means nothing in common."""
    apart = NOISE[0] + 1 - NOISE[1]
    mean, error, degrees = welch(list(apart.T), [1 / 3] * 3)
    half = stats.t.ppf(0.975, degrees) * error
    for of_file, asked in (((), ["data"]), (("data",), None)):
        known = replace(records, analysis=AnalysisSection(strata=of_file))
        found = compare_values(known, "opt", "y", over=["data"], strata=asked)
        result = found.compared[0].difference
        assert (result.low, result.high) == pytest.approx((mean - half, mean + half))
        assert found.compared[0].significance.test == "Wilcoxon signed-rank test"
        assert comparison_text.preamble(found)[-1] == (
            "Strata: between values of data an equal seed means nothing in common."
        )
    whole = compare_values(records, "opt", "y", over=["data"]).compared[0].difference
    expected = stats.ttest_1samp(apart.mean(axis=1), 0).confidence_interval()
    assert (whole.low, whole.high) == pytest.approx(tuple(expected))


def test_where_equal_seeds_mean_nothing_each_configuration_is_a_stratum(records) -> None:
    """The test is unpaired, and the interval Welch's of all samples."""
    mean, error, degrees = welch([*(NOISE[0] + 1).T, *NOISE[1].T], [1 / 3] * 3 + [-1 / 3] * 3)
    half = stats.t.ppf(0.975, degrees) * error
    file = replace(records, analysis=AnalysisSection(paired=False))
    for known, asked in ((records, False), (file, None), (replace(records, shares_seeds=False), None)):
        found = compare_values(known, "opt", "y", over=["data"], paired=asked)
        result = found.compared[0]
        assert (result.difference.low, result.difference.high) == pytest.approx((mean - half, mean + half))
        assert result.significance.test == "Mann-Whitney test"
    assert compare_values(file, "opt", "y", over=["data"], paired=True).paired


def test_values_of_a_stratum_are_no_pairs(records) -> None:
    """Data sets are strata: repetitions of two of them are not paired, those of one are whole."""
    known = replace(records, analysis=AnalysisSection(strata=("data",)))
    found = compare_values(known, "data", "y", over=["opt"], baseline="0")
    assert not found.paired
    one, other = NOISE[:, :, 1].mean(axis=0), NOISE[:, :, 0].mean(axis=0)
    expected = stats.ttest_ind(one, other, equal_var=False).confidence_interval()
    result = found.compared[0].difference
    assert (result.low, result.high) == pytest.approx(tuple(expected))
    with pytest.raises(GraphError, match="means nothing in common between values of data"):
        compare_values(known, "data", "y", over=["opt"], paired=True)


def test_splits_are_tested_by_the_corrected_t(records) -> None:
    """By the file, by names, or as asked: the line says the correction, the numbers are its."""
    one = replace(records, configurations=[m for m in records.configurations if m.parameters["data"] == 0])
    apart = NOISE[0, :, 0] + 1 - NOISE[1, :, 0]
    error = math.sqrt(apart.var(ddof=1) * (1 / 9 + 45 / 105))
    for of_file, asked in (
        (SPLITS, None),
        (None, SPLITS),
        (None, ResampledSection(test="tested", train=105)),
    ):
        found = compare_values(
            replace(one, analysis=AnalysisSection(resampled=of_file)), "opt", "y", resampled=asked
        )
        result = found.compared[0]
        assert result.significance.statistic == pytest.approx(apart.mean() / error)
        assert result.corrected_p == pytest.approx(2 * stats.t.sf(abs(apart.mean() / error), 8))
        assert result.difference.high == pytest.approx(apart.mean() + stats.t.ppf(0.975, 8) * error)
        sizes = "tested/105" if asked and asked.test == "tested" else "45/105"
        assert comparison_text.preamble(found)[2] == (
            f"Test and intervals are corrected for resampled splits of one data set, test/train {sizes} "
            "(Nadeau and Bengio 2003), 8 degrees of freedom: about algorithms trained on as many other data "
            "of this kind."
        )
    assert comparison_text.preamble(found)[1].startswith("Corrected resampled t test of pairs")


def test_data_sets_with_splits_are_strata(records) -> None:
    """Several data sets: each with its own splits, then their weighted sum."""
    known = replace(records, analysis=AnalysisSection(strata=("data",), resampled=SPLITS))
    found = compare_values(known, "opt", "y", over=["data"])
    apart = NOISE[0] + 1 - NOISE[1]
    error = math.sqrt((apart.var(axis=0, ddof=1) * (1 / 9 + 45 / 105)).sum()) / 3
    assert found.compared[0].significance.statistic == pytest.approx(apart.mean() / error)
    assert "of each data set" in comparison_text.preamble(found)[2]
    unnamed = compare_values(records, "opt", "y", over=["data"], resampled=SPLITS)
    whole = apart.mean(axis=1)
    error = math.sqrt(whole.var(ddof=1) * (1 / 9 + 45 / 105))
    assert unnamed.compared[0].significance.statistic == pytest.approx(whole.mean() / error)
    assert comparison_text.preamble(unnamed)[-1] == (
        "If different data sets are among them, name their parameter as --strata."
    )


def test_splits_that_decide_nothing_are_told(make_records) -> None:
    """More splits of the same data do not help where the correction stays."""
    difference = 0.2 + np.resize([1.0, -1.0], 20)
    records = make_records(
        {"opt": ["a", "b"]},
        results=lambda p, r: {"y": float(NOISE[0, r % 9, 0] + (difference[r] if p["opt"] == "a" else 0))},
        repetitions=20,
    )
    found = compare_values(records, "opt", "y", resampled=SPLITS)
    said = comparison_text.sentences(found.pairs[0], found)
    assert said[0].startswith("a - b: No difference between a and b was found")
    assert said[1] == "    No number of splits of these data decides; more data does."
    assert found.pairs[0].more_seeds is None


def test_unpaired_splits_are_refused(records) -> None:
    """There is no such test, whether asked for, by the file, or as the seeds differ."""
    for known, asked in ((records, False), (replace(records, shares_seeds=False), None)):
        with pytest.raises(GraphError, match="resampled splits of one data set are compared in pairs"):
            compare_values(known, "opt", "y", over=["data"], paired=asked, resampled=SPLITS)


def test_splits_without_spread_cannot_be_tested(make_records) -> None:
    """Where all pairs differ by the same there is no p, no interval, and no number of degrees of freedom."""
    records = make_records({"opt": ["a", "b"]}, results=lambda p, _r: {"y": float(p["opt"] == "a")})
    found = compare_values(records, "opt", "y", resampled=SPLITS)
    assert "(Nadeau and Bengio 2003): about" in comparison_text.preamble(found)[2]
    assert comparison_text.row(found.pairs[0], found)[-4:] == ["-", "1.00 (large)", "-", "?"]
    assert comparison_text.sentences(found.pairs[0], found) == [
        (
            "a - b: a and b cannot be told apart by this test: all pairs differ by the same, which says "
            "nothing about other splits."
        )
    ]
