"""How many repetitions are needed: for an interval of a wanted width, to decide a comparison; and warnings.

The numbers assume the spread observed so far and normal theory: the t distribution and, for power,
the noncentral t (J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd edition, 1988, chapter
2). Rank tests need pi / 3 times as many repetitions as t tests of normal readings (E. L. Lehmann,
Nonparametrics, 1975, section 2.4). They are plans, not results: the spread of few repetitions is itself
uncertain, and adding repetitions until a test is significant makes it mean nothing. Plan once, then run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from meta.statistics.comparisons.ranking import Ranking
from meta.statistics.comparisons.significance import Significance, smallest_p
from meta.statistics.estimators.arrays import pairs, sample, unit_of
from meta.statistics.estimators.location import Estimator, Quantile
from meta.statistics.intervals.exact import minimum_count
from meta.statistics.intervals.resampling import DEFAULT_LEVEL

#: The largest number of repetitions of a plan.
MOST = 1_000_000
#: The confidence of the upper limit of the standard deviation that the cautious number assumes.
_CAUTION = 0.8
#: Demsar (2006), section 3.2.2: Friedman's statistic follows its distribution for more data sets than this.
_FEW_DATA_SETS = 10
#: Readings that differ by no more than this share of the largest one are equal but for rounding.
_EQUAL = 2.0**-46
#: A p that equals the limit, computed as 1 - 0.95, is not above it.
_ROUNDING = 1e-9
#: Without a warning, the coverage of an interval may be so much less than its level.
_TOLERATED = 0.02


@dataclass(frozen=True)
class Plan:
    """How many repetitions are needed.

    Attributes
    ----------
    needed : int or None
        In all, of each method; None when a million would not be enough, or it is unknown.
    have : int
        The repetitions there are (of the method that has fewer).
    note : str
        Why there is no number, or what it assumes.
    """

    needed: int | None
    have: int
    note: str

    @property
    def more(self) -> int | None:
        """How many repetitions of each method are missing."""
        return None if self.needed is None else max(0, self.needed - self.have)


def repetitions_for_width(
    readings: ArrayLike, width: float, *, level: float = DEFAULT_LEVEL, cautious: bool = False
) -> Plan:
    """Return how many repetitions make the interval of the mean no wider than `width`, from end to end.

    Parameters
    ----------
    readings : array_like, shape (repetitions,)
        Those there are; not finite ones are left out.
    width : float
        In the unit of the readings.
    level : float
    cautious : bool
        Reckon with the upper 80 % limit of the standard deviation in place of its estimate.

    Raises
    ------
    ValueError
        The width is not positive.
    """
    if not width > 0:
        raise ValueError(f"the width of an interval is positive, not {width}")
    known = sample(readings)
    if len(known) < 2:
        return Plan(None, len(known), "one repetition says nothing about the spread: run at least two")
    unit = unit_of(known)
    deviation = float((known / unit).std(ddof=1))
    if cautious:
        deviation *= math.sqrt((len(known) - 1) / stats.chi2.ppf(1 - _CAUTION, len(known) - 1))

    def narrow(count: int) -> bool:
        half = stats.t.ppf((1 + level) / 2, count - 1) * deviation / math.sqrt(count)
        return bool(2 * half <= width / unit)

    return smallest_number(narrow, len(known), f"with a standard deviation of {unit * deviation:.3g}")


def repetitions_to_decide(
    first: ArrayLike,
    second: ArrayLike,
    *,
    paired: bool,
    power: float = 0.8,
    level: float = DEFAULT_LEVEL,
    comparisons: int = 1,
) -> Plan:
    """Return how many repetitions of each method would find a difference as large as the one seen.

    Parameters
    ----------
    first, second : array_like, shape (repetitions,)
        Those there are; not finite ones are left out.
    paired : bool
        For Wilcoxon's signed-rank test of pairs; else for the Mann-Whitney test.
    power : float
        How probable it is to be that the test finds the difference, if it is as large as it seems.
    level : float
        1 less the p that counts as significant.
    comparisons : int
        How many the level is shared by; Holm's correction needs no more than the p divided by it.

    Raises
    ------
    ValueError
        The power is not between `1 - level` and 1.
    """
    alpha = (1 - level) / comparisons
    if not alpha < power < 1:
        raise ValueError(f"the power is between {alpha:g} and 1, not {power}")
    one, other = pairs(first, second) if paired else (sample(first), sample(second))
    have = min(len(one), len(other))
    if have < 2:
        return Plan(None, have, "one repetition says nothing about the spread: run at least two")
    whole = unit_of(one, other)
    one, other = one / whole, other / whole
    # Differences first, in units of the largest one: readings near 1e9 that vary by 1e-3 lose no digits.
    apart = one - other if paired else np.concatenate([one, other]) - one[0]
    largest = np.abs(apart).max()
    if largest <= _EQUAL * max(np.abs(one).max(), np.abs(other).max()):
        return Plan(None, have, "the means are equal: no number of repetitions decides between them")
    apart = apart / largest
    if paired:
        difference, deviation = float(apart.mean()), float(apart.std(ddof=1))
    else:
        one, other = apart[: len(one)], apart[len(one) :]
        difference = float(one.mean() - other.mean())
        squares = (len(one) - 1) * one.var(ddof=1) + (len(other) - 1) * other.var(ddof=1)
        deviation = math.sqrt(squares / (len(one) + len(other) - 2))
    effect = abs(difference) / max(deviation, 1e-12)

    def decisive(count: int) -> bool:
        smallest = smallest_p((count, count), paired=paired)
        return smallest <= alpha and _power(effect, count * 3 / math.pi, paired=paired, alpha=alpha) >= power

    return smallest_number(
        decisive,
        have,
        f"if the difference is {whole * largest * abs(difference):.3g} and its power {100 * power:g} %",
    )


def _power(effect: float, count: float, *, paired: bool, alpha: float) -> float:
    """Return the power of the two-sided t test for a difference of `effect` standard deviations."""
    freedom = max(count - 1 if paired else 2 * count - 2, 1.0)
    return power_of_t(effect * math.sqrt(count if paired else count / 2), freedom, alpha)


def power_of_t(shift: float, degrees: float, alpha: float) -> float:
    """Return the power of the two-sided t test of a difference of `shift` standard errors."""
    limit = stats.t.ppf(1 - alpha / 2, degrees)
    if shift > limit + 10:  # certain; scipy's noncentral t loses its footing out there
        return 1.0
    # For some degrees scipy has NaN for the other tail where that is next to nothing.
    return float(stats.nct.sf(limit, degrees, shift) + np.nan_to_num(stats.nct.cdf(-limit, degrees, shift)))


def smallest_number(enough: Callable[[int], bool], have: int, note: str) -> Plan:
    """Return the plan of the smallest number, from 2 on, that is enough."""
    high = 2
    while not enough(high):
        high *= 2
        if high > MOST:
            return Plan(None, have, f"more than {MOST:,} repetitions would be needed")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return Plan(high, have, note)


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
            f"{repetitions_for_p(alpha, paired=significance.paired)} repetitions are enough."
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
    return tuple(warnings)


def repetitions_for_p(alpha: float, *, paired: bool) -> int:
    """Return the fewest pairs, or repetitions of each method, of which a rank test can give so small a p."""
    count = 2
    while smallest_p((count, count), paired=paired) > alpha * (1 + _ROUNDING):
        count += 1
    return count
