"""Whether two methods differ at all: tests for pairs and for independent repetitions, and Holm's correction.

The rank tests are exact for small samples, tied readings included: the distribution of the sum of ranks is
counted out over all assignments of signs or of readings to methods (W. J. Conover, Practical Nonparametric
Statistics, 3rd edition, 1999, sections 5.1 and 5.7). Larger samples take scipy's normal approximation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from meta.statistics.estimators.arrays import Floats, pairs, sample
from meta.statistics.estimators.ties import merged
from meta.statistics.intervals.resampling import DEFAULT_RESAMPLES

#: Beyond these the normal approximation is good and counting takes long.
_EXACT_PAIRS, _EXACT_READINGS = 200, 60
#: Differences are distinguished down to this share of the larger reading of their pair.
_ROUNDING = 2.0**-46


@dataclass(frozen=True)
class Significance:
    """The result of a two-sided test.

    Attributes
    ----------
    test : str
        Its name, as in captions.
    statistic : float
        Larger when the first method's readings are larger.
    p_value : float
        NaN where there is nothing to test.
    smallest_p : float
        No readings, however different, could give a smaller p with so few of them.
    sizes : tuple of int
        The readings of each method that were used; of Wilcoxon's pairs those that differ.
    paired : bool
    note : str
        What is degenerate about the readings; empty where nothing is.
    """

    test: str
    statistic: float
    p_value: float
    smallest_p: float
    sizes: tuple[int, int]
    paired: bool
    note: str = ""


def wilcoxon(first: ArrayLike, second: ArrayLike) -> Significance:
    """Return Wilcoxon's signed-rank test of pairs; pairs without difference are left out, as in his paper.

    Parameters
    ----------
    first, second : array_like, shape (repetitions,)
        The same place is the same repetition. Pairs with a reading that is not finite are left out.
    """
    test = "Wilcoxon signed-rank test"
    one, other = pairs(first, second)
    one, other = one / 2, other / 2  # so that no difference overflows
    difference = one - other
    tolerance = _ROUNDING * np.maximum(np.abs(one), np.abs(other))
    differs = np.abs(difference) > tolerance
    difference, tolerance = difference[differs], tolerance[differs]
    size = len(difference)
    if not len(one):
        return _undecided(test, (0, 0), paired=True, note="there is no pair")
    if size == 0:
        return Significance(test, 0.0, 1.0, 1.0, (0, 0), paired=True, note="no pair differs")
    # 0.91 - 0.9 and 0.81 - 0.8 are one difference, not two that differ in the last bit.
    magnitudes = merged(np.abs(difference), tolerance)
    ranks = stats.rankdata(magnitudes)
    statistic = float(ranks[difference > 0].sum())
    if size <= _EXACT_PAIRS:
        p_value = _two_sided(_sums_of_subsets(ranks), statistic)
    else:
        signed = np.copysign(magnitudes, difference)
        p_value = float(stats.wilcoxon(signed, correction=True, method="asymptotic").pvalue)
    smallest = smallest_p((size, size), paired=True)
    return Significance(test, statistic, p_value, smallest, (size, size), paired=True)


def mann_whitney(first: ArrayLike, second: ArrayLike) -> Significance:
    """Return the Mann-Whitney test (Wilcoxon's rank-sum test) of independent repetitions.

    Parameters
    ----------
    first : array_like, shape (n,)
    second : array_like, shape (m,)
        Readings that are not finite are left out.
    """
    test = "Mann-Whitney test"
    one, other = sample(first), sample(second)
    sizes = (len(one), len(other))
    if not all(sizes):
        return _undecided(test, sizes, paired=False, note="a method has no reading")
    ranks = stats.rankdata(np.concatenate([one, other]))
    statistic = float(ranks[: len(one)].sum() - len(one) * (len(one) + 1) / 2)
    smallest, note = smallest_p(sizes, paired=False), ""
    if ranks.min() == ranks.max():
        p_value, note = 1.0, "all readings are equal"
    elif sum(sizes) <= _EXACT_READINGS:
        null = _sums_of_subsets_of(ranks, len(one))
        p_value = _two_sided(null, float(ranks[: len(one)].sum()))
    else:
        p_value = float(stats.mannwhitneyu(one, other, method="asymptotic").pvalue)
    return Significance(test, statistic, p_value, smallest, sizes, paired=False, note=note)


def permutation(
    first: ArrayLike, second: ArrayLike, *, paired: bool, seed: int, resamples: int = DEFAULT_RESAMPLES
) -> Significance:
    """Return the permutation test of the difference of means.

    Exact when there are no more permutations than `resamples`, else over so many random ones
    (`scipy.stats.permutation_test`).

    Parameters
    ----------
    first, second : array_like, shape (repetitions,)
    paired : bool
        Pairs are swapped within; else readings are dealt to the methods anew.
    seed : int
        Of the random permutations.
    resamples : int
    """
    test = "paired permutation test" if paired else "permutation test"
    one, other = pairs(first, second) if paired else (sample(first), sample(second))
    sizes = (len(one), len(other))
    if min(sizes) < 2:
        return _undecided(test, sizes, paired=paired, note="fewer than two repetitions of a method")
    smallest = smallest_p(sizes, paired=paired)
    statistic = float(one.mean() - other.mean())
    everything = np.concatenate([one, other])
    if (one == other).all() if paired else everything.min() == everything.max():
        note = "no pair differs" if paired else "all readings are equal"
        return Significance(test, statistic, 1.0, smallest, sizes, paired, note)
    result = stats.permutation_test(
        (one, other),
        lambda x, y, axis: np.mean(x, axis=axis) - np.mean(y, axis=axis),
        permutation_type="samples" if paired else "independent",
        vectorized=True,
        n_resamples=resamples,
        batch=1_000,
        rng=np.random.default_rng(seed),
    )
    return Significance(test, statistic, float(result.pvalue), smallest, sizes, paired)


def holm(p_values: ArrayLike) -> Floats:
    """Return p values corrected for how many comparisons there are.

    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6
    (1979), 65-70: the chance that any of the differences called significant is none stays below the level.

    Parameters
    ----------
    p_values : array_like, shape (comparisons,)
        NaN is no comparison, is not counted and stays NaN.

    Returns
    -------
    ndarray, shape (comparisons,)
    """
    given = np.asarray(p_values, dtype=np.float64)
    places = np.flatnonzero(~np.isnan(given))
    places = places[np.argsort(given[places], kind="stable")]
    corrected = np.full(given.shape, np.nan)
    factors = np.arange(len(places), 0, -1)
    corrected[places] = np.minimum(np.maximum.accumulate(given[places] * factors), 1.0)
    return corrected


def smallest_p(sizes: tuple[int, int], *, paired: bool) -> float:
    """Return the p when all pairs differ in the same direction, or no readings of the methods overlap."""
    one, other = sizes
    if paired:
        return float(min(1.0, 2.0 ** (1 - one)))
    if one + other <= _EXACT_READINGS:
        return min(1.0, 2 / math.comb(one + other, one))
    ways = math.lgamma(one + other + 1) - math.lgamma(one + 1) - math.lgamma(other + 1)
    return min(1.0, 2 * math.exp(-ways))


def _undecided(test: str, sizes: tuple[int, int], *, paired: bool, note: str) -> Significance:
    return Significance(test, math.nan, math.nan, 1.0, sizes, paired, note)


def _doubled(ranks: NDArray[np.float64]) -> list[int]:
    """Return the ranks as whole numbers: ties make them halves."""
    doubled: list[int] = np.rint(2 * ranks).astype(np.int64).tolist()
    return doubled


def _sums_of_subsets(ranks: NDArray[np.float64]) -> Floats:
    """Return the probabilities of the sums 0, 1/2, 1 ... when each rank is included with probability 1/2."""
    steps = _doubled(ranks)
    shares = np.zeros(sum(steps) + 1)
    shares[0] = 1.0
    for step in steps:
        moved = shares[:-step].copy()
        shares *= 0.5
        shares[step:] += 0.5 * moved
    return shares


def _sums_of_subsets_of(ranks: NDArray[np.float64], size: int) -> Floats:
    """Return the probabilities of the sums 0, 1/2, 1 ... of `size` of the ranks, all equally likely."""
    steps = _doubled(ranks)
    ways = np.zeros((size + 1, sum(sorted(steps)[-size:]) + 1))
    ways[0, 0] = 1.0
    for step in steps:
        ways[1:, step:] += ways[:-1, :-step].copy()
    shares: Floats = ways[size] / ways[size].sum()
    return shares


def _two_sided(shares: Floats, statistic: float) -> float:
    sums = np.arange(len(shares)) / 2
    at_most = shares[sums <= statistic].sum()
    at_least = shares[sums >= statistic].sum()
    return float(min(1.0, 2 * min(at_most, at_least)))
