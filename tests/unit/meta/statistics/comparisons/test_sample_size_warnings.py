"""What is too small is said in plain sentences, and what is enough in none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from meta.statistics.comparisons.ranking import rank_methods
from meta.statistics.comparisons.sample_size import (
    coverage_of_mean,
    interval_warnings,
    minimum_for_bootstrap,
    ranking_warnings,
    significance_warnings,
)
from meta.statistics.comparisons.significance import mann_whitney, permutation, wilcoxon
from meta.statistics.estimators.location import IQM, MEAN, MEDIAN, TRIMMED_MEAN, Estimator, quantile
from meta.statistics.intervals.aggregate import aggregate
from meta.statistics.intervals.bootstrap import bootstrap_interval
from meta.statistics.intervals.resampling import Resampling

FEW = (
    "n = {} is few: such an interval holds the mean of normal readings in about {} % of cases, of skewed "
    "ones in fewer."
)


@pytest.mark.parametrize(
    ("count", "one", "sentences"),
    [
        (1, MEAN, ["n = 1: a 95 % interval of the mean needs several repetitions."]),
        (3, MEDIAN, ["n = 3 is too small for a 95 % interval of the median; 5 are needed."]),
        (5, MEDIAN, []),
        (4, MEAN, ["n = 4 is too small for a 95 % interval of the mean; 5 are needed."]),
        (5, MEAN, [FEW.format(5, 85)]),
        (21, MEAN, [FEW.format(21, 93)]),
        (22, MEAN, []),
        (3, IQM, ["n = 3 is too small for a 95 % interval of the interquartile mean; 5 are needed."]),
        (9, TRIMMED_MEAN, []),
        (51, quantile(95), ["n = 51 is too small for a 95 % interval of the 95 % quantile; 52 are needed."]),
        (
            500,
            quantile(100),
            [
                (
                    "No number of repetitions is enough for a 95 % interval of the 100 % quantile: "
                    "the bootstrap fails at extremes."
                )
            ],
        ),
    ],
)
def test_intervals(count: int, one: Estimator, sentences: list[str]) -> None:
    """An interval over too few repetitions is named, with how many are needed."""
    assert list(interval_warnings(count, one)) == sentences


@pytest.mark.parametrize(("count", "samples"), [(5, 1), (10, 1), (5, 4)])
def test_the_mean_is_held_as_often_as_is_said(count: int, samples: int) -> None:
    """Simulated studies of normal readings, with one sample and with the mean over several."""
    generator = np.random.default_rng(7)
    studies, how = 1_000, Resampling(1, resamples=1_000)
    if samples == 1:
        found = bootstrap_interval(generator.normal(size=(count, studies)), how)
        held = (found.low <= 0) & (found.high >= 0)
    else:
        tasks = (generator.normal(size=(count, samples)) for _ in range(studies))
        strata = range(samples)
        ends = [
            aggregate(scores, how, MEAN, over="task means", strata=strata, interval="percentile")
            for scores in tasks
        ]
        held = np.array([one.low <= 0 <= one.high for one in ends])
    # Three standard errors of the simulated share, which the formula ignores a small part of.
    assert coverage_of_mean(count, samples=samples) == pytest.approx(held.mean(), abs=0.035)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_minimum_has_enough_different_drawings(level: float) -> None:
    """The outer quantile of the drawings is one of several, counted out by hand."""
    count = minimum_for_bootstrap(level)

    def drawings(size: int) -> int:
        return len({tuple(sorted(np.unravel_index(place, (size,) * size))) for place in range(size**size)})

    assert drawings(count) >= 2 / (1 - level) * (1 - 1e-9)
    assert count == 2 or drawings(count - 1) < 2 / (1 - level)


def test_significance_that_cannot_be() -> None:
    """Five pairs never reach 5 %; six do, but not among six comparisons."""
    five, six = (wilcoxon(np.arange(1.0, size + 1), np.zeros(size)) for size in (5, 6))
    assert significance_warnings(five) == (
        (
            "n = 5 is too small for the Wilcoxon signed-rank test to find anything: its smallest p is 0.062, "
            "and p <= 0.05 is needed; 6 repetitions are enough."
        ),
    )
    assert significance_warnings(six) == ()
    [said] = significance_warnings(six, comparisons=6)
    assert "p <= 0.0083 is needed after correction for 6 comparisons; 8 repetitions are enough" in said


def test_significance_of_independent_repetitions() -> None:
    """Three against three never reach 5 %, four against four do, by either test."""
    for test in (mann_whitney, lambda one, other: permutation(one, other, paired=False, seed=0)):
        [said] = significance_warnings(test([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]))
        assert "its smallest p is 0.1" in said
        assert "4 repetitions are enough" in said
        assert significance_warnings(test([1.0, 2.0, 3.0, 3.5], [4.0, 5.0, 6.0, 7.0])) == ()


def test_a_limit_that_is_reached_exactly_is_enough() -> None:
    """2 of 2**6 at the level 31/32: equality is not lost to rounding."""
    six = wilcoxon(np.arange(1.0, 7.0), np.zeros(6))
    assert math.isclose(six.smallest_p, 1 / 32)
    assert significance_warnings(six, level=1 - 1 / 32) == ()


def test_degenerate_tests_say_so() -> None:
    """The note of a test is said."""
    said = significance_warnings(wilcoxon([1.0] * 9, [1.0] * 9))
    assert said == ("Wilcoxon signed-rank test: no pair differs.",)


def test_rankings() -> None:
    """Few data sets, and degenerate ranks, are said."""
    scores = np.random.default_rng(1).normal(size=(12, 4))
    assert ranking_warnings(rank_methods(scores, higher_is_better=True)) == ()
    scores[:4, 0] = np.nan
    (few,) = ranking_warnings(rank_methods(scores, higher_is_better=True))
    assert few.startswith("8 data sets are few")
    assert ranking_warnings(rank_methods(np.ones((12, 3)), higher_is_better=True)) == (
        "Ranking: all methods are equal on every data set.",
    )
