"""Resampled splits of one data set: the corrected t test, and what more splits can decide."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from meta.statistics.comparisons.difference import Stratum, difference
from meta.statistics.comparisons.pairwise import compare_all
from meta.statistics.comparisons.resampled_splits import corrected_resampled_t, splits_to_decide
from meta.statistics.intervals.resampling import Resampling

CASES, TESTED, SPLITS = 150, 45, 20
RATIO = TESTED / (CASES - TESTED)


def accuracies(feature: np.ndarray, classes: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Return the accuracies of the nearest class mean of one feature, shape (studies, splits).

    Parameters
    ----------
    feature, classes : ndarray, shape (studies, 1, cases)
    tested : ndarray of bool, shape (studies, splits, cases)
    """
    ends = [
        np.where(~tested & (classes == one), feature, 0).sum(axis=2)
        / (~tested & (classes == one)).sum(axis=2)
        for one in (0, 1)
    ]
    middle, is_up = (ends[0] + ends[1]) / 2, ends[1] > ends[0]
    right = ((feature > middle[:, :, None]) == is_up[:, :, None]) == classes
    return (right & tested).sum(axis=2) / TESTED


def studies_of_equal_learners(studies: int) -> np.ndarray:
    """Return differences of two learners that are equally good, of each on one of two features alike."""
    generator = np.random.default_rng(8)
    classes = generator.integers(2, size=(studies, 1, CASES))
    order = generator.random((studies, SPLITS, CASES)).argsort(axis=2)
    one, other = (
        accuracies(generator.normal(size=classes.shape) + classes, classes, order < TESTED) for _ in range(2)
    )
    return np.asarray(one - other)


def test_false_alarms_are_as_many_as_the_level_says() -> None:
    """Of two equally good learners on 20 splits of 150 cases: 5 % with the correction, half without."""
    apart = studies_of_equal_learners(1_000)
    alarms = {
        ratio: np.mean(
            [corrected_resampled_t([Stratum(one, 0 * one, ratio=ratio)]).p_value <= 0.05 for one in apart]
        )
        for ratio in (RATIO, 0.0)
    }
    assert 0.03 <= alarms[RATIO] <= 0.07
    assert alarms[0.0] > 0.3


ONE = np.random.default_rng(1).normal(0.80, 0.03, size=SPLITS)
OTHER = ONE - np.random.default_rng(2).normal(0.02, 0.02, size=SPLITS)


def test_the_test_is_nadeau_and_bengios() -> None:
    """Statistic, p and interval are those of the formula of correctR's resampled_ttest."""
    apart = ONE - OTHER
    error = math.sqrt(apart.var(ddof=1) * (1 / SPLITS + TESTED / 105))
    [found] = compare_all({"a": ONE, "b": OTHER}, Resampling(1), paired=True, ratio=RATIO)
    assert found.significance.test == "corrected resampled t test"
    assert found.significance.statistic == pytest.approx(apart.mean() / error)
    assert found.significance.p_value == pytest.approx(2 * stats.t.cdf(-abs(apart.mean() / error), 19))
    half = stats.t.ppf(0.975, 19) * error
    low, high = found.difference.low, found.difference.high
    assert (low, high) == pytest.approx((apart.mean() - half, apart.mean() + half))
    assert found.difference.degrees == pytest.approx(19)
    assert found.warnings == ()
    # 0.3/0.7 is the same as 45/105.
    same = difference(ONE, OTHER, Resampling(1), paired=True, ratio=0.3 / 0.7)
    assert same.low == pytest.approx(low)


def test_several_data_sets_are_strata() -> None:
    """Each has its own splits and test/train; the test has the interval's error and degrees of freedom."""
    parts = [Stratum(ONE, OTHER, 0.5, 0.25), Stratum(OTHER[:8], ONE[8:16], 0.5, 0.5)]
    variances = [
        0.25 * (part.first - part.second).var(ddof=1) * (1 / len(part.first) + part.ratio) for part in parts
    ]
    mean = sum((part.first - part.second).mean() / 2 for part in parts)
    degrees = sum(variances) ** 2 / (variances[0] ** 2 / 19 + variances[1] ** 2 / 7)
    found = corrected_resampled_t(parts)
    assert found.statistic == pytest.approx(mean / math.sqrt(sum(variances)))
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.statistic), degrees))
    assert found.sizes == (8, 8)


def test_splits_are_pairs() -> None:
    """Both methods on the same splits: there is no such test of independent ones."""
    with pytest.raises(ValueError, match="compared in pairs: both methods on the same splits"):
        compare_all({"a": ONE, "b": OTHER}, Resampling(1), paired=False, ratio=RATIO)
    with pytest.raises(ValueError, match="compared in pairs"):
        difference(ONE, OTHER, Resampling(1), paired=False, ratio=RATIO)


def test_what_cannot_be_tested_is_said() -> None:
    """Equal methods do not differ; a constant difference or a single split says nothing of the spread."""
    equal = corrected_resampled_t([Stratum(ONE, ONE, ratio=RATIO)])
    assert (equal.p_value, equal.note) == (1.0, "no pair differs")
    constant = corrected_resampled_t([Stratum(ONE, ONE - 0.1, ratio=RATIO)])
    assert math.isnan(constant.p_value)
    assert constant.note.startswith("all pairs differ by the same")
    single = corrected_resampled_t([Stratum(ONE[:1], OTHER[:1], ratio=RATIO)])
    assert (single.note, math.isnan(single.p_value)) == ("fewer than two splits", True)


def test_no_number_of_splits_decides_what_these_data_cannot() -> None:
    """With ever more splits t goes to mean / (s sqrt(test/train)): below the limit of p nothing helps."""
    unit = (OTHER - OTHER.mean()) / OTHER.std(ddof=1)
    plans = {
        effect: splits_to_decide([Stratum(unit + effect * math.sqrt(RATIO), 0 * unit, ratio=RATIO)])
        for effect in (1.9, 2.5, 3.5)
    }
    assert plans[1.9].needed is None
    assert plans[1.9].note == "no number of splits of these data decides; more data does"
    assert "in 4 of 5 cases; more data does" in plans[2.5].note
    needed = plans[3.5].needed
    assert needed is not None
    generator = np.random.default_rng(3)
    # The mean of splits varies by 1/n + test/train, their spread as that of independent readings.
    for count, is_enough in ((needed, True), (needed - 3, False)):
        shift = 3.5 * math.sqrt(RATIO) / math.sqrt(1 / count + RATIO)
        chi = np.sqrt(generator.chisquare(count - 1, size=200_000) / (count - 1))
        p_values = 2 * stats.t.sf(np.abs((generator.normal(size=200_000) + shift) / chi), count - 1)
        assert ((p_values <= 0.05).mean() >= 0.8 - 0.003) == is_enough
    assert "run at least two" in splits_to_decide([Stratum(ONE[:1], OTHER[:1], ratio=RATIO)]).note
    assert "means are equal" in splits_to_decide([Stratum(ONE, ONE, ratio=RATIO)]).note
