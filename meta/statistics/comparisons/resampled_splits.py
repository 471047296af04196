"""Comparing two methods on resampled splits of one data set: the corrected resampled t test.

Training sets of different splits share most of their cases, so that results vary less from split to split
than they would from data set to data set. The variance of their mean has ``1/n + test/train`` in place of
``1/n`` (C. Nadeau and Y. Bengio, Inference for the generalization error, Machine Learning 52, 2003, 239-281).
More splits let ``1/n`` vanish, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from meta.statistics.comparisons.difference import Stratum, mean_difference
from meta.statistics.comparisons.sample_size import Plan, power_of_t, smallest_number
from meta.statistics.comparisons.significance import Significance
from meta.statistics.intervals.resampling import DEFAULT_LEVEL

_TEST = "corrected resampled t test"


def corrected_resampled_t(strata: Sequence[Stratum]) -> Significance:
    """Return the corrected resampled t test of pairs.

    Parameters
    ----------
    strata : sequence of Stratum
        The splits of each data set, with its test/train.
    """
    size = min(len(part.first) for part in strata)
    sizes = (size, size)
    if size < 2:
        return Significance(_TEST, math.nan, math.nan, 1.0, sizes, paired=True, note="fewer than two splits")
    mean = mean_difference(strata, paired=True)
    estimate, error = float(mean.estimate[0]), float(mean.standard_error[0])
    if error == 0:
        if all(np.array_equal(part.first, part.second) for part in strata):
            return Significance(_TEST, 0.0, 1.0, 1.0, sizes, paired=True, note="no pair differs")
        note = "all pairs differ by the same, which says nothing about other splits"
        return Significance(_TEST, math.nan, math.nan, 1.0, sizes, paired=True, note=note)
    statistic = estimate / error
    p_value = float(2 * stats.t.sf(abs(statistic), mean.degrees[0]))
    return Significance(_TEST, statistic, p_value, 0.0, sizes, paired=True)


def splits_to_decide(
    strata: Sequence[Stratum],
    *,
    power: float = 0.8,
    level: float = DEFAULT_LEVEL,
    comparisons: int = 1,
) -> Plan:
    """Return how many splits would find a difference as large as the one seen; often no number does.

    Parameters
    ----------
    strata : sequence of Stratum
    power, level, comparisons
        As of `repetitions_to_decide`.
    """
    have = min(len(part.first) for part in strata)
    if have < 2:
        return Plan(None, have, "one split says nothing about the spread: run at least two")
    mean = mean_difference(strata, paired=True)
    difference, error = abs(float(mean.estimate[0])), float(mean.standard_error[0])
    if error == 0:
        what = "the means are equal" if difference == 0 else "all pairs differ by the same"
        return Plan(None, have, f"{what}: no number of splits decides between them")
    alpha = (1 - level) / comparisons
    ratios = np.array([part.ratio for part in strata])
    # In units of the standard error, of which squares neither over- nor underflow.
    spreads = np.array([float((part.first - part.second).std(ddof=1)) / error for part in strata])
    variances = (np.array([part.weight for part in strata]) * spreads) ** 2
    difference /= error

    def power_with(count: float) -> float:
        shares = variances * (1 / count + ratios)
        degrees = (count - 1) * shares.sum() ** 2 / (shares**2).sum()
        return power_of_t(difference / math.sqrt(shares.sum()), degrees, alpha)

    most = difference / math.sqrt(float((variances * ratios).sum()))
    limit = float(stats.norm.isf(alpha / 2))
    if most < limit:
        return Plan(None, have, "no number of splits of these data decides; more data does")
    if stats.norm.sf(limit - most) < power:
        return Plan(None, have, "no number of splits of these data decides in 4 of 5 cases; more data does")
    return smallest_number(lambda count: power_with(count) >= power, have, "with more splits of these data")
