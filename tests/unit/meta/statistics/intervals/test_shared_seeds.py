"""Averages over tasks whose repetitions share their seeds: whole repetitions are drawn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from meta.statistics.estimators.location import IQM, MEAN, MEDIAN, Estimator
from meta.statistics.intervals import stratified
from meta.statistics.intervals.aggregate import Over, Way, aggregate
from meta.statistics.intervals.aggregate_curves import aggregate_curves
from meta.statistics.intervals.resampling import Resampling

GENERATOR = np.random.default_rng(11)
#: Of 12 repetitions and 5 tasks, of unequal scale; a repetition is good or bad in all of them.
SCORES = np.arange(1.0, 6.0) * (GENERATOR.gamma(2, size=(12, 5)) + 2 * GENERATOR.gamma(1, size=(12, 1)))
#: The same with gaps: of two tasks there are few repetitions, and not the same.
GAPS = SCORES.copy()
GAPS[2:, 1] = np.nan
GAPS[:9, 3] = np.nan
#: Whether a repetition is one of all tasks, or of each by itself.
TOGETHER, APART = (0,) * 5, tuple(range(5))


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
    found = aggregate(scores, Resampling(2), one, over=over, strata=TOGETHER, interval="percentile")
    drawn, without = by_hand(scores, one, over)
    assert (without > 0) == (scores is GAPS)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.06 * (high - low))
    assert found.high == pytest.approx(high, abs=0.06 * (high - low))
    alone = aggregate(scores, Resampling(2), one, over=over, strata=APART, interval="percentile")
    assert found.estimate == pytest.approx(alone.estimate)


def test_bca_is_that_of_the_repetitions_means() -> None:
    """Without gaps the mean over tasks is that of one number per repetition."""
    how = Resampling(1, resamples=20_000)
    found = aggregate(SCORES, how, MEAN, over="task means", strata=TOGETHER, interval="bca")
    expected = stats.bootstrap(
        (SCORES.mean(axis=1),), np.mean, n_resamples=20_000, method="BCa", rng=3
    ).confidence_interval
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.03 * width)
    assert found.high == pytest.approx(expected.high, abs=0.03 * width)
    gaps = aggregate(GAPS, how, MEAN, over="task means", strata=TOGETHER, interval="bca")
    assert gaps.low < gaps.estimate < gaps.high


def test_the_mean_has_students_t_of_whole_repetitions() -> None:
    """One stratum is a sample of the repetitions' means (by scipy); more are a weighted sum of samples."""
    how = Resampling(1)
    found = aggregate(SCORES, how, MEAN, over="task means", strata=TOGETHER)
    expected = stats.ttest_1samp(SCORES.mean(axis=1), 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert (found.method, found.left_out) == ("t", 0)
    apart = aggregate(SCORES, how, MEAN, over="task means", strata=APART)
    variances = SCORES.var(axis=0, ddof=1) / 12 / 5**2
    degrees = variances.sum() ** 2 / (variances**2 / 11).sum()
    half = stats.t.ppf(0.975, degrees) * np.sqrt(variances.sum())
    assert (found.estimate - half, found.estimate + half) == pytest.approx((apart.low, apart.high))


def test_a_repetition_that_is_not_whole_is_out_of_the_means() -> None:
    """The estimate is of all readings; its standard error and degrees of freedom of whole repetitions."""
    scores = SCORES.copy()
    scores[2, 1] = scores[4, 3] = np.nan
    found = aggregate(scores, Resampling(1), MEAN, over="task means", strata=TOGETHER)
    whole = np.delete(SCORES, [2, 4], axis=0).mean(axis=1)
    half = stats.t.ppf(0.975, 9) * stats.sem(whole)
    assert found.estimate == pytest.approx(np.nanmean(scores, axis=0).mean())
    assert (found.low, found.high) == pytest.approx((found.estimate - half, found.estimate + half))
    assert found.left_out == 2
    by_task = aggregate(scores, Resampling(1), MEAN, over="task means", strata=APART)
    assert by_task.left_out == 0


@pytest.mark.parametrize(("one", "over"), [(MEDIAN, "task means"), (IQM, "readings"), (MEAN, "task means")])
def test_two_strata_of_which_one_has_two_whole_repetitions_have_no_interval(
    one: Estimator, over: Over
) -> None:
    """Fewer than three whole repetitions of a stratum say next to nothing about its spread."""
    scores = SCORES.copy()
    scores[2:, 1] = np.nan
    for strata, has_interval in (((0, 0, 1, 1, 1), False), (TOGETHER, False), (APART, False)):
        found = aggregate(scores, Resampling(1, resamples=200), one, over=over, strata=strata)
        assert np.isfinite([found.low, found.high]).all() == has_interval
        assert found.method == ""
    scores[2] = SCORES[2]
    assert np.isfinite(aggregate(scores, Resampling(1, resamples=200), one, over=over, strata=TOGETHER).low)


@pytest.mark.parametrize(("one", "over"), [(MEDIAN, "task means"), (IQM, "readings")])
def test_other_estimators_have_t_of_the_drawings_standard_error(one: Estimator, over: Over) -> None:
    """Whole repetitions have n - 1 degrees of freedom; drawings made one by one are as wide."""
    found = aggregate(SCORES, Resampling(2), one, over=over, strata=TOGETHER)
    drawn, _ = by_hand(SCORES, one, over)
    half = stats.t.ppf(0.975, 11) * np.sqrt(12 / 11) * drawn.std()
    assert found.high - found.estimate == pytest.approx(half, rel=0.04)
    assert found.estimate - found.low == pytest.approx(half, rel=0.04)
    assert found.method == "t of the bootstrap standard error"


def test_resampled_splits_and_bounds_change_the_interval() -> None:
    """A stratum takes its largest test/train; the ends of the range keep the mean's interval inside."""
    ratios = [0, 0.25, 0.5, 0.1, 0.1]
    plain, splits = (
        aggregate(SCORES, Resampling(1), MEAN, over="task means", strata=TOGETHER, ratios=found)
        for found in (None, ratios)
    )
    widths = splits.high - splits.low, plain.high - plain.low
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(1 + 12 * 0.5))
    median, corrected = (
        aggregate(SCORES, Resampling(1), MEDIAN, over="task means", strata=TOGETHER, ratios=found)
        for found in (None, ratios)
    )
    assert (corrected.high - corrected.low) / (median.high - median.low) == pytest.approx(np.sqrt(7))
    scores = SCORES / 10
    bounded = aggregate(
        scores, Resampling(1), MEAN, over="task means", strata=APART, bounds=(0, None), ratios=ratios
    )
    mean, error = scores.mean(), np.sqrt(((1 / 12 + np.array(ratios)) * scores.var(axis=0, ddof=1)).sum()) / 5
    of_tasks = (1 / 12 + np.array(ratios)) * scores.var(axis=0, ddof=1)
    half = stats.t.ppf(0.975, of_tasks.sum() ** 2 / (of_tasks**2 / 11).sum()) * error / mean
    assert bounded.method == "t (log)"
    assert (bounded.low, bounded.high) == pytest.approx((mean * np.exp(-half), mean * np.exp(half)))


@pytest.mark.parametrize("shared", [0.0, 1.0], ids=["own luck", "shared luck"])
@pytest.mark.parametrize(("one", "over"), [(MEDIAN, "task means"), (IQM, "readings")], ids=["median", "iqm"])
def test_the_intervals_of_whole_repetitions_hold(one: Estimator, over: Over, shared: float) -> None:
    """They are right whether luck is shared or not, of medians rather too wide."""
    generator = np.random.default_rng(3)
    how, held, studies = Resampling(1), 0, 1_000
    for _ in range(studies):
        scores = generator.normal(size=(5, 26)) + shared * generator.normal(size=(5, 1))
        found = aggregate(scores, how, one, over=over, strata=(0,) * 26)
        held += found.low <= 0 <= found.high
    assert 0.92 * studies <= held <= (1 if one is MEDIAN else 0.98) * studies


@pytest.mark.parametrize("shared", [0.0, 1.0], ids=["own luck", "shared luck"])
def test_the_intervals_of_strata_hold_where_nothing_is_shared(shared: float) -> None:
    """And only there: they take what all tasks share for the luck of each."""
    generator = np.random.default_rng(3)
    scores = generator.normal(size=(26, 5, 4_000)) + shared * generator.normal(size=(5, 4_000))
    found = aggregate_curves(scores, Resampling(1), repetitions=[np.arange(5)] * 26, strata=tuple(range(26)))
    held = np.mean((found.low <= 0) & (found.high >= 0))
    assert 0.93 < held < 0.97 if not shared else held < 0.5


@pytest.mark.parametrize("tasks", [1, 5])
@pytest.mark.parametrize("size", [2, 5])
def test_drawings_that_occur_again_are_computed_once(
    monkeypatch: pytest.MonkeyPatch, size: int, tasks: int
) -> None:
    """Of few repetitions there are few different drawings; each counts as often as it was drawn."""
    scores, how = np.random.default_rng(1).gamma(2, size=(size, tasks)), Resampling(1)
    few = aggregate(scores, how, MEDIAN, strata=(0,) * tasks, interval="percentile")
    monkeypatch.setattr(stratified, "_DRAWN_OFTEN", how.resamples)
    all_ = aggregate(scores, how, MEDIAN, strata=(0,) * tasks, interval="percentile")
    assert (few.low, few.high) == pytest.approx((all_.low, all_.high), rel=1e-12)


@pytest.mark.parametrize("strata", [TOGETHER, APART], ids=["together", "apart"])
@pytest.mark.parametrize("interval", ["rule", "percentile", "bca"])
def test_a_task_with_one_repetition_leaves_no_interval(interval: Way, strata: tuple[int, ...]) -> None:
    """What others of its repetitions would give is unknown, however many the other tasks have."""
    scores = SCORES.copy()
    scores[1:, 2] = np.nan
    how = Resampling(1, resamples=100)
    found = aggregate(scores, how, MEAN, over="task means", strata=strata, interval=interval)
    assert found.estimate == pytest.approx(np.nanmean(scores, axis=0).mean())
    assert np.isnan([found.low, found.high]).all()


def test_without_any_drawing_of_all_tasks_there_is_no_interval() -> None:
    """Tasks without a repetition in common, and so many that no drawing has all of them."""
    scores = np.full((120, 60), np.nan)
    scores[np.arange(120), np.arange(120) // 2] = np.arange(120.0)
    for interval in ("rule", "percentile"):
        found = aggregate(
            scores, Resampling(1, resamples=50), MEAN, over="task means", strata=(0,) * 60, interval=interval
        )
        assert found.estimate == pytest.approx(59.5)
        assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("strata", [(0, 0, 0), (0, 1, 2), (1, 0, 1)])
@pytest.mark.parametrize("interval", ["rule", "percentile"])
def test_curves_are_averaged_as_scores_are(interval: Way, strata: tuple[int, ...]) -> None:
    """At each step estimate and interval are those of that step alone, with gaps and unequal repetitions."""
    tasks = [np.arange(12), np.arange(3, 12), np.array([1, 4, 5, 9])]
    generator = np.random.default_rng(1)
    effects = 3 * generator.normal(size=(12, 6))
    curves = [effects[found] + generator.normal(size=(len(found), 6)) for found in tasks]
    curves[1][2:, 4] = np.nan
    curves[2][1:, 5] = np.nan
    how = Resampling(4)
    found = aggregate_curves(curves, how, repetitions=tasks, strata=strata, interval=interval)
    for step in range(6):
        scores = np.full((12, 3), np.nan)
        for task, (curve, repetitions) in enumerate(zip(curves, tasks, strict=True)):
            scores[repetitions, task] = curve[:, step]
        expected = aggregate(scores, how, MEAN, over="task means", strata=strata, interval=interval)
        assert found.estimate[step] == pytest.approx(expected.estimate)
        assert found.left_out[step] == expected.left_out
        if step == 5 or np.isnan(expected.low):
            assert np.isnan([found.low[step], found.high[step], expected.low]).all()
            continue
        tolerance = (0.06 if interval == "percentile" else 1e-9) * (expected.high - expected.low)
        assert found.low[step] == pytest.approx(expected.low, abs=tolerance)
        assert found.high[step] == pytest.approx(expected.high, abs=tolerance)


def test_curves_keep_their_band_where_a_drawing_lacks_a_reading() -> None:
    """Drawings in which a task has nothing at a step are left out there, and do not take the band away."""
    short, long = np.arange(40.0).reshape(8, 5), np.arange(40.0).reshape(8, 5) ** 1.1
    short[2:, 3:] = np.nan
    for strata in ((0, 1), (0, 0)):
        found = aggregate_curves(
            [short, long],
            Resampling(1, resamples=200),
            repetitions=[np.arange(8)] * 2,
            strata=strata,
            interval="percentile",
        )
        assert (found.low < found.estimate).all()
        assert (found.estimate < found.high).all()


def test_a_band_has_no_width_where_nothing_varied() -> None:
    """A step at which all are equal does not interrupt it, and its size hides no later spread."""
    curves = [np.full((4, 3), 0.1 + task) for task in range(3)]
    for task in curves:
        task[:, 0] = 1e12
        task[:, 2] += 1e-9 * np.arange(4)
    found = aggregate_curves(curves, Resampling(1), repetitions=[np.arange(4)] * 3, strata=(0, 0, 0))
    assert (found.low[:2] == found.estimate[:2]).all()
    assert (found.high[:2] == found.estimate[:2]).all()
    assert found.low[2] < found.estimate[2] < found.high[2]
    few = aggregate_curves(
        [np.ones((2, 3))] * 2, Resampling(1), repetitions=[np.arange(2)] * 2, strata=(0, 0)
    )
    assert np.isnan([few.low, few.high]).all()


def test_without_an_interval_there_is_only_the_estimate() -> None:
    """Means of means, and no interval."""
    curves = [np.ones((2, 3)), 4 * np.ones((5, 3))]
    found = aggregate_curves(
        curves, Resampling(1), repetitions=[np.arange(2), np.arange(5)], strata=(0, 0), interval=None
    )
    np.testing.assert_allclose(found.estimate, 2.5)
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("strata", [TOGETHER, APART], ids=["together", "apart"])
@pytest.mark.parametrize("count", [5, 7, 12])
@pytest.mark.parametrize(("one", "over"), [(MEAN, "task means"), (MEDIAN, "task means"), (IQM, "readings")])
def test_equal_repetitions_leave_no_width(
    count: int, one: Estimator, over: Over, strata: tuple[int, ...]
) -> None:
    """Tasks that differ, each without luck: the rounding of sums is no interval."""
    scores = np.tile([0.1, 0.7, 0.3, 1 / 3, 0.9], (count, 1))
    how = Resampling(1, resamples=500)
    found = aggregate(scores, how, one, over=over, strata=strata, interval="percentile")
    assert found.low == found.estimate == found.high
    by_rule = aggregate(scores, how, one, over=over, strata=strata)
    assert np.isnan([by_rule.low, by_rule.high]).all()
    assert by_rule.method == "nothing varied"


def test_repetitions_whose_means_are_equal_have_no_interval() -> None:
    """Where one task makes up for the other in each repetition, nothing tells how far means lie apart."""
    one = np.arange(6.0)[:, None]
    cases: list[tuple[Estimator, Over]] = [(MEAN, "task means"), (IQM, "readings")]
    for estimator, over in cases:
        found = aggregate(np.hstack([one, 5 - one]), Resampling(1), estimator, over=over, strata=(0, 0))
        assert np.isnan([found.low, found.high]).all()
        assert found.method == "nothing varied"


@pytest.mark.parametrize("one", [MEAN, MEDIAN, IQM], ids=["mean", "median", "iqm"])
@pytest.mark.parametrize("size", [1e46, 1e199, 1e-200])
def test_readings_of_any_size_have_an_interval(one: Estimator, size: float) -> None:
    """It is that of readings in another unit."""
    how = Resampling(1, resamples=500)
    over: Over = "readings" if one is IQM else "task means"
    found, expected = (aggregate(unit * SCORES, how, one, over=over, strata=TOGETHER) for unit in (size, 1.0))
    assert found.low / size == pytest.approx(expected.low)
    assert found.high / size == pytest.approx(expected.high)
