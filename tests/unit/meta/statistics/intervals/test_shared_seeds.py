"""Averages over tasks whose repetitions share their seeds: whole repetitions are drawn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from meta.statistics.estimators.location import IQM, MEAN, MEDIAN, Estimator
from meta.statistics.intervals.aggregate import Over, aggregate
from meta.statistics.intervals.aggregate_curves import aggregate_curves
from meta.statistics.intervals.resampling import Resampling

GENERATOR = np.random.default_rng(11)
#: Of 12 repetitions and 5 tasks, of unequal scale; a repetition is good or bad in all of them.
SCORES = np.arange(1.0, 6.0) * (GENERATOR.gamma(2, size=(12, 5)) + 2 * GENERATOR.gamma(1, size=(12, 1)))
#: The same with gaps: of two tasks there are few repetitions, and not the same.
GAPS = SCORES.copy()
GAPS[2:, 1] = np.nan
GAPS[:9, 3] = np.nan


def by_hand(scores: np.ndarray, one: Estimator, over: Over) -> tuple[np.ndarray, int]:
    """Return the estimates of 4,000 drawings, each made by itself, and how many had none."""
    generator = np.random.default_rng(5)
    found = []
    for _ in range(4_000):
        drawn = scores[generator.integers(len(scores), size=len(scores))]
        tasks = [task[np.isfinite(task)].tolist() for task in drawn.T]
        if not all(tasks):
            continue
        means = [sum(task) / len(task) for task in tasks]
        together = means if over == "task means" else list(itertools.chain(*tasks))
        if one is IQM:
            found.append(stats.trim_mean(together, 0.25))
        else:
            found.append(np.median(together) if one is MEDIAN else sum(together) / len(together))
    return np.array(found), 4_000 - len(found)


@pytest.mark.parametrize("scores", [SCORES, GAPS], ids=["complete", "gaps"])
@pytest.mark.parametrize(
    ("one", "over"), [(MEAN, "task means"), (MEDIAN, "task means"), (IQM, "readings"), (MEAN, "readings")]
)
def test_intervals_agree_with_drawings_made_one_by_one(
    scores: np.ndarray, one: Estimator, over: Over
) -> None:
    """A drawn repetition brings what it has of all tasks; a drawing that lacks a task does not count."""
    found = aggregate(scores, Resampling(2), one, over=over, shares_seeds=True)
    drawn, without = by_hand(scores, one, over)
    assert (without > 0) == (scores is GAPS)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.06 * (high - low))
    assert found.high == pytest.approx(high, abs=0.06 * (high - low))
    alone = aggregate(scores, Resampling(2), one, over=over)
    assert found.estimate == pytest.approx(alone.estimate)


def test_bca_is_that_of_the_repetitions_means() -> None:
    """Without gaps the mean over tasks is that of one number per repetition."""
    how = Resampling(1, resamples=20_000, method="bca")
    found = aggregate(SCORES, how, MEAN, over="task means", shares_seeds=True)
    expected = stats.bootstrap(
        (SCORES.mean(axis=1),), np.mean, n_resamples=20_000, method="BCa", rng=3
    ).confidence_interval
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.03 * width)
    assert found.high == pytest.approx(expected.high, abs=0.03 * width)
    gaps = aggregate(GAPS, how, MEAN, over="task means", shares_seeds=True)
    assert gaps.low < gaps.estimate < gaps.high


def test_the_interval_holds_the_mean_as_often_as_one_of_a_single_task() -> None:
    """Ten tasks with a seed effect as large as the noise: drawn by themselves, tasks pretend to be sure."""
    generator = np.random.default_rng(3)
    how, held = Resampling(1, resamples=300), {True: 0, False: 0}
    for _ in range(200):
        scores = generator.normal(size=(20, 10)) + generator.normal(size=(20, 1))
        for shares_seeds in held:
            found = aggregate(scores, how, MEAN, over="task means", shares_seeds=shares_seeds)
            held[shares_seeds] += found.low <= 0 <= found.high
    assert held[True] > 0.85 * 200
    assert held[False] < 0.7 * 200


@pytest.mark.parametrize("shares_seeds", [True, False])
@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_a_task_with_one_repetition_leaves_no_interval(method: str, shares_seeds: bool) -> None:
    """What others of its repetitions would give is unknown, however many the other tasks have."""
    scores = SCORES.copy()
    scores[1:, 2] = np.nan
    how = Resampling(1, resamples=100, method=method)  # type: ignore[arg-type]  # a parameter of the test
    found = aggregate(scores, how, MEAN, over="task means", shares_seeds=shares_seeds)
    assert found.estimate == pytest.approx(np.nanmean(scores, axis=0).mean())
    assert np.isnan([found.low, found.high]).all()


def test_without_any_drawing_of_all_tasks_there_is_no_interval() -> None:
    """Tasks without a repetition in common, and so many that no drawing has all of them."""
    scores = np.full((120, 60), np.nan)
    scores[np.arange(120), np.arange(120) // 2] = np.arange(120.0)
    found = aggregate(scores, Resampling(1, resamples=50), MEAN, over="task means", shares_seeds=True)
    assert found.estimate == pytest.approx(59.5)
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("shares_seeds", [True, False])
def test_curves_are_averaged_as_scores_are(shares_seeds: bool) -> None:
    """At each step estimate and interval are those of that step alone, with gaps and unequal repetitions."""
    tasks = [np.arange(12), np.arange(3, 12), np.array([1, 4, 5, 9])]
    generator = np.random.default_rng(1)
    effects = 3 * generator.normal(size=(12, 6))
    curves = [effects[found] + generator.normal(size=(len(found), 6)) for found in tasks]
    curves[1][2:, 4] = np.nan
    curves[2][1:, 5] = np.nan
    how = Resampling(4)
    found = aggregate_curves(curves, how, repetitions=tasks if shares_seeds else None)
    for step in range(6):
        scores = np.full((12, 3), np.nan)
        for task, (curve, repetitions) in enumerate(zip(curves, tasks, strict=True)):
            scores[repetitions, task] = curve[:, step]
        expected = aggregate(scores, how, MEAN, over="task means", shares_seeds=shares_seeds)
        assert found.estimate[step] == pytest.approx(expected.estimate)
        if step == 5:
            assert np.isnan([found.low[5], found.high[5], expected.low]).all()
            continue
        width = expected.high - expected.low
        assert found.low[step] == pytest.approx(expected.low, abs=0.06 * width)
        assert found.high[step] == pytest.approx(expected.high, abs=0.06 * width)


def test_curves_keep_their_band_where_a_drawing_lacks_a_reading() -> None:
    """Drawings in which a task has nothing at a step are left out there, and do not take the band away."""
    short, long = np.arange(40.0).reshape(8, 5), np.arange(40.0).reshape(8, 5) ** 1.1
    short[2:, 3:] = np.nan
    for repetitions in (None, [np.arange(8), np.arange(8)]):
        found = aggregate_curves([short, long], Resampling(1, resamples=200), repetitions=repetitions)
        assert (found.low < found.estimate).all()
        assert (found.estimate < found.high).all()


def test_without_resampling_there_is_only_the_estimate() -> None:
    """Means of means, and no interval."""
    curves = [np.ones((2, 3)), 4 * np.ones((5, 3))]
    found = aggregate_curves(curves, None, repetitions=None)
    np.testing.assert_allclose(found.estimate, 2.5)
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("shares_seeds", [True, False])
@pytest.mark.parametrize("count", [5, 7, 12])
@pytest.mark.parametrize(("one", "over"), [(MEAN, "task means"), (MEDIAN, "task means"), (IQM, "readings")])
def test_equal_repetitions_leave_no_width(count: int, one: Estimator, over: Over, shares_seeds: bool) -> None:
    """Tasks that differ, each without luck: the rounding of sums is no interval."""
    scores = np.tile([0.1, 0.7, 0.3, 1 / 3, 0.9], (count, 1))
    found = aggregate(scores, Resampling(1, resamples=500), one, over=over, shares_seeds=shares_seeds)
    assert found.low == found.estimate == found.high
