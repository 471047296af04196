"""Aggregates over tasks against rliable and scipy.

rliable 1.2.0 needs arch, which does not import beside pandas 3. Its figures for `SCORES` stand here as
rliable computed them, with 50,000 drawings, beside numpy 2.2.6, pandas 2.3.3 and scipy 1.15.3.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from meta.statistics.estimators.location import IQM, MEAN, MEDIAN, Estimator
from meta.statistics.intervals.aggregate import Over, Way, aggregate
from meta.statistics.intervals.resampling import Resampling

RUN, TASK = np.mgrid[:8, :5]
APART = range(5)
SCORES = ((RUN * 7 + TASK * 5 + RUN * RUN) % 11 + 1.0) ** 1.5 * (TASK + 1)


@pytest.mark.parametrize(
    ("one", "over", "expected"),
    [
        (MEAN, "readings", (53.93855228963082, 44.0244872, 64.02894437)),
        (MEDIAN, "task means", (41.66862454143657, 23.92298057, 65.88531423)),
        (IQM, "readings", (41.877169494302436, 31.38315261, 54.23641404)),
    ],
)
def test_aggregates_agree_with_rliable(
    one: Estimator, over: Over, expected: tuple[float, float, float]
) -> None:
    """Mean, median and IQM with their stratified intervals are rliable's."""
    estimate, low, high = expected
    found = aggregate(SCORES, Resampling(1), one, over=over, strata=APART, interval="percentile")
    assert found.estimate == pytest.approx(estimate, rel=1e-12)
    assert found.low == pytest.approx(low, abs=0.03 * (high - low))
    assert found.high == pytest.approx(high, abs=0.03 * (high - low))
    assert found.sizes == (8,) * 5


def test_bca_agrees_with_scipy_of_several_samples() -> None:
    """The BCa interval over tasks is scipy's with each task as a sample."""
    found = aggregate(SCORES, Resampling(1, resamples=20_000), MEAN, strata=APART, interval="bca")
    expected = stats.bootstrap(
        tuple(SCORES.T),
        lambda *tasks, axis: np.mean(np.concatenate(tasks, axis=axis), axis=axis),
        n_resamples=20_000,
        method="BCa",
        rng=3,
    ).confidence_interval
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.03 * width)
    assert found.high == pytest.approx(expected.high, abs=0.03 * width)


def test_tasks_may_have_unequal_repetitions() -> None:
    """A missing score is left out of its task; the task's other repetitions are drawn by themselves."""
    scores = SCORES.copy()
    scores[5:, 2] = np.nan
    scores[0, 0] = np.inf
    found = aggregate(scores, Resampling(1, resamples=2_000), IQM, strata=APART)
    assert found.sizes == (7, 8, 5, 8, 8)
    assert found.estimate == pytest.approx(stats.trim_mean(scores[np.isfinite(scores)], 0.25))
    by_task = [np.mean(task[np.isfinite(task)]) for task in scores.T]
    found = aggregate(scores, Resampling(1, resamples=500), MEDIAN, over="task means", strata=APART)
    assert found.estimate == pytest.approx(np.median(by_task))


def test_one_repetition_of_each_task_has_no_interval() -> None:
    """With a single repetition nothing can be drawn differently; there is an estimate all the same."""
    for interval in ("rule", "percentile"):
        found = aggregate(SCORES[:1], Resampling(1, resamples=100), MEAN, strata=APART, interval=interval)
        assert found.estimate == pytest.approx(SCORES[0].mean())
        assert np.isnan([found.low, found.high]).all()
        assert found.method == ""


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_equal_scores_give_a_point(method: Way) -> None:
    """Zero variance is an interval without width, without warning."""
    found = aggregate(
        np.full((4, 3), 7.0), Resampling(1, resamples=100), IQM, strata=range(3), interval=method
    )
    assert found.low == found.estimate == found.high == pytest.approx(7.0)


def test_a_task_without_scores_is_refused() -> None:
    """An aggregate over other tasks than the others' cannot be compared with theirs."""
    scores = SCORES.copy()
    scores[:, 3] = np.nan
    with pytest.raises(ValueError, match=r"tasks \[3\].*leave them out for all methods"):
        aggregate(scores, Resampling(1), IQM, strata=APART)
    with pytest.raises(ValueError, match="no task"):
        aggregate(np.empty((3, 0)), Resampling(1), IQM, strata=())
    with pytest.raises(ValueError, match="5 tasks, and strata of shape"):
        aggregate(SCORES, Resampling(1), IQM, strata=(0, 1))


def test_over_what_is_checked() -> None:
    """A misspelt `over` says what there is."""
    with pytest.raises(ValueError, match="'readings' or 'task means'"):
        aggregate(SCORES, Resampling(1), IQM, over="tasks", strata=APART)  # type: ignore[arg-type]  # wrong on purpose
