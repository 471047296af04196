"""Warnings of samples that are too small, in sentences for figures and reports."""

from __future__ import annotations

import math

from scipy import special

from meta.formats.plural import many
from meta.statistics.comparisons.ranking import Ranking
from meta.statistics.comparisons.significance import Significance, smallest_p
from meta.statistics.estimators.location import Estimator, Quantile, TrimmedMean
from meta.statistics.intervals.order_statistics import minimum_count
from meta.statistics.intervals.resampling import DEFAULT_LEVEL

#: Demsar (2006), section 3.2.2: Friedman's statistic follows its distribution for more data sets than this.
_FEW_DATA_SETS = 10
#: A p that equals the limit, computed as 1 - 0.95, is not above it.
_ROUNDING = 1e-9
#: Without a warning, the coverage of an interval may be so much less than its level.
_TOLERATED = 0.02


def minimum_for_bootstrap(level: float = DEFAULT_LEVEL) -> int:
    """Return the smallest number of repetitions for a bootstrap interval: 5 at 95 %.

    Of n repetitions there are ``C(2n - 1, n)`` different drawings (P. Hall, The Bootstrap and Edgeworth
    Expansion, 1992, appendix I); fewer than ``2 / (1 - level)`` have no quantile so far out.
    """
    count = 2
    while math.comb(2 * count - 1, count) * (1 - level) / 2 < 1:
        count += 1
    return count


def coverage_of_mean(count: int, *, level: float = DEFAULT_LEVEL, samples: int = 1) -> float:
    """Return how often a bootstrap interval at `level` holds the mean of normal readings: 0.845 of 5 at 95 %.

    It reaches about ``z s sqrt((n - 1) / n) / sqrt(n)`` to each side (s has the divisor n - 1). So it is
    too narrow by that factor, and by having z in place of t (T. Hesterberg, What teachers should know about
    the bootstrap, The American Statistician 69, 2015, on narrowness bias), and holds the mean with
    ``P(|t| < z sqrt((n - 1) / n))``, of Student's t with ``n - 1`` degrees of freedom for each sample.

    Parameters
    ----------
    count : int
        The repetitions, at least two.
    level : float
    samples : int
        How many samples of so many repetitions are resampled by themselves, of equal spread: the tasks of an
        average, or the two methods of a difference.
    """
    reach = special.ndtri((1 + level) / 2) * math.sqrt((count - 1) / count)
    return float(2 * special.stdtr(samples * (count - 1), reach) - 1)


def interval_warnings(
    count: int, estimator: Estimator, *, level: float = DEFAULT_LEVEL, samples: int = 1
) -> tuple[str, ...]:
    """Return the warnings about a bootstrap interval over `count` repetitions; none where they are enough.

    Parameters
    ----------
    count : int
    estimator : Estimator
    level : float
    samples : int
        As of `coverage_of_mean`.
    """
    interval = f"a {100 * level:g} % interval of the {estimator.label}"
    if count < 2:
        return (f"n = {count}: {interval} needs several repetitions.",)
    warnings = []
    enough = minimum_for_bootstrap(level)
    if isinstance(estimator, Quantile) and 0 < estimator.share < 1:
        enough = max(enough, minimum_count(estimator, level=level))
    if count < enough:
        warnings.append(f"n = {count} is too small for {interval}; {enough} are needed.")
    elif estimator.is_linear:
        coverage = coverage_of_mean(count, level=level, samples=samples)
        if coverage < level - _TOLERATED:
            warnings.append(
                f"n = {count} is few: such an interval holds the mean of normal readings in about "
                f"{100 * coverage:.0f} % of cases, of skewed ones in fewer."
            )
    if isinstance(estimator, Quantile) and estimator.share in (0, 1):
        warnings.append(
            f"No number of repetitions is enough for {interval}: the bootstrap fails at extremes."
        )
    if isinstance(estimator, TrimmedMean) and 0 < estimator.cut * count < 1:
        needed = math.ceil(1 / estimator.cut)
        warnings.append(
            f"n = {count}: the {estimator.label} cuts nothing off and is the mean; {needed} are needed."
        )
    return tuple(warnings)


def significance_warnings(
    significance: Significance, *, comparisons: int = 1, level: float = DEFAULT_LEVEL
) -> tuple[str, ...]:
    """Return the warnings about a test that is one of several comparisons.

    Parameters
    ----------
    significance : Significance
        The result of the test.
    comparisons : int
        How many the p value is corrected for.
    level : float
    """
    if significance.note:
        return (f"{significance.test}: {significance.note}.",)
    alpha = (1 - level) / comparisons
    if significance.smallest_p <= alpha * (1 + _ROUNDING):
        return ()
    among = f" after correction for {comparisons} comparisons" if comparisons > 1 else ""
    return (
        (
            f"n = {min(significance.sizes)} is too small for the {significance.test} to find anything: "
            f"its smallest p is {significance.smallest_p:.2g}, and p <= {alpha:.2g} is needed{among}; "
            f"{_needed(significance, alpha)} repetitions are enough."
        ),
    )


def ranking_warnings(ranking: Ranking) -> tuple[str, ...]:
    """Return the warnings about a ranking."""
    warnings = [f"Ranking: {ranking.note}."] if ranking.note else []
    sets = len(ranking.scores)
    if sets <= _FEW_DATA_SETS:
        warnings.append(
            f"{sets} data sets are few: the p values of Friedman's test are rough up to {_FEW_DATA_SETS}."
        )
    if ranking.left_out:
        warnings.append(
            f"{many(ranking.left_out, 'data set')} left out, because a method has no score there."
        )
    return tuple(warnings)


def _needed(significance: Significance, alpha: float) -> int:
    count = 2
    while smallest_p((count, count), paired=significance.paired) > alpha * (1 + _ROUNDING):
        count += 1
    return count
