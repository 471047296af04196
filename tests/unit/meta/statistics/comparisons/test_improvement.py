"""Probability of improvement against rliable 1.2.0 (see test_aggregate.py on how its figures were made)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from meta.statistics.comparisons.over_tasks import probability_of_improvement
from meta.statistics.intervals.resampling import Resampling


def scores(repetitions: int, factor: int) -> np.ndarray:
    run, task = np.mgrid[:repetitions, :5]
    return ((run * 7 + task * 5 + factor * run * run) % 11 + 1.0) ** 1.5 * (task + 1)


def test_probability_agrees_with_rliable() -> None:
    """Estimate and interval are those of rliable, ties and unequal numbers of runs included."""
    found = probability_of_improvement(scores(8, 1), scores(10, 3), Resampling(1))
    assert found.estimate == pytest.approx(0.49625, abs=1e-12)
    assert found.low == pytest.approx(0.37371875, abs=0.008)
    assert found.high == pytest.approx(0.6175, abs=0.008)


def test_of_one_task_it_is_the_statistic_of_mann_and_whitney() -> None:
    """A single task's probability is U per pair, and swapping the methods turns it round."""
    one, other = scores(8, 1)[:, :1], scores(10, 3)[:, :1]
    u = stats.mannwhitneyu(one[:, 0], other[:, 0]).statistic
    how = Resampling(1, resamples=100)
    assert probability_of_improvement(one, other, how).estimate == pytest.approx(u / 80)
    assert probability_of_improvement(other, one, how).estimate == pytest.approx(1 - u / 80)


def test_missing_scores_are_left_out_of_their_task() -> None:
    """Tasks may have unequal numbers of runs; each counts the same."""
    one, other = scores(4, 1), scores(5, 3)
    one[2, 1] = np.nan
    found = probability_of_improvement(one, other, Resampling(1, resamples=100))
    tasks = []
    for task in range(5):
        kept = one[np.isfinite(one[:, task]), task]
        tasks.append(stats.mannwhitneyu(kept, other[:, task]).statistic / (len(kept) * 5))
    assert found.estimate == pytest.approx(np.mean(tasks))


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_certain_improvement_is_a_point(method: str) -> None:
    """A method that always wins has probability 1, without warning."""
    how = Resampling(1, resamples=100, method=method)  # type: ignore[arg-type]  # a parameter of the test
    found = probability_of_improvement(scores(4, 1) + 1e6, scores(4, 1), how)
    assert (found.low, found.estimate, found.high) == pytest.approx((1, 1, 1))


def test_other_tasks_are_refused() -> None:
    """Methods are compared on the same tasks."""
    with pytest.raises(ValueError, match="5 and 4 tasks"):
        probability_of_improvement(scores(4, 1), scores(4, 1)[:, :4], Resampling(1))
