"""Ranking several methods over several data sets, and which do not differ significantly.

J. Demsar, Statistical comparisons of classifiers over multiple data sets, Journal of Machine Learning
Research 7 (2006), 1-30; R. L. Iman and J. M. Davenport, Approximations of the critical region of the
Friedman statistic, Communications in Statistics A9 (1980), 571-595. The pairwise signed-rank tests with
Holm's correction are what A. Benavoli, G. Corani and F. Mangili advise instead of Nemenyi's test, whose
verdict on two methods depends on all the others (Should we really use post-hoc tests based on mean-ranks?,
JMLR 17, 2016).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from meta.statistics.comparisons.significance import holm, wilcoxon
from meta.statistics.estimators.arrays import Floats, matrix
from meta.statistics.estimators.ties import merged_scores
from meta.statistics.intervals.resampling import DEFAULT_LEVEL


@dataclass(frozen=True)
class Ranking:
    """Friedman's test: whether the methods differ at all.

    Attributes
    ----------
    scores : ndarray, shape (data sets, methods)
        The data sets of which every method has a score; larger is better.
    average_ranks : ndarray, shape (methods,)
        1 is the best; tied methods share the mean of their ranks.
    chi_square, p_value : float
        Friedman's statistic, corrected for ties, and its p.
    f, f_p_value : float
        Iman and Davenport's less conservative statistic and its p.
    left_out : int
        Data sets that lack a score.
    note : str
        Why the test is degenerate; empty if it is not.
    """

    scores: Floats
    average_ranks: Floats
    chi_square: float
    p_value: float
    f: float
    f_p_value: float
    left_out: int
    note: str = ""


@dataclass(frozen=True)
class Groups:
    """The groups of methods that do not differ significantly, as a critical-difference diagram shows them.

    Attributes
    ----------
    test : str
        Its name, as in captions.
    p_values : ndarray, shape (methods, methods)
        Of each pair, corrected for how many there are; 1 on the diagonal.
    critical_difference : float
        Average ranks that lie further apart differ significantly; NaN for a test without one.
    cliques : tuple of tuple of int
        The methods that a bar joins, best first: longest runs of neighbours by average rank in which no pair
        differs significantly.
    level : float
    """

    test: str
    p_values: Floats
    critical_difference: float
    cliques: tuple[tuple[int, ...], ...]
    level: float


def rank_methods(scores: ArrayLike, *, higher_is_better: bool) -> Ranking:
    """Return the average ranks of methods, and Friedman's test.

    Parameters
    ----------
    scores : array_like, shape (data sets, methods)
        One score per data set, as the median over repetitions. Those of a data set that differ by rounding
        only are tied. An infinite score is that of a method that never reaches the data set (or has from the
        start): it is ranked last (or first), tied with others of its kind. A data set with NaN is left out.
    higher_is_better : bool

    Raises
    ------
    ValueError
        Fewer than three methods, or fewer than two data sets.
    """
    known = np.where(np.isinf(scores), scores, matrix(scores, "data sets, methods"))
    complete = merged_scores(known[~np.isnan(known).any(axis=1)])
    sets, methods = complete.shape
    if methods < 3:
        raise ValueError(f"a ranking needs three methods or more, not {methods}: compare two as a pair")
    if sets < 2:
        raise ValueError(
            f"a ranking needs two or more data sets that all methods have a score of, not {sets}"
        )
    larger_is_better = complete if higher_is_better else -complete
    average_ranks = stats.rankdata(-larger_is_better, axis=1).mean(axis=0)
    if (complete == complete[:, :1]).all():
        chi_square, p_value, note = 0.0, 1.0, "all methods are equal on every data set"
    else:
        friedman = stats.friedmanchisquare(*complete.T)
        chi_square, p_value, note = float(friedman.statistic), float(friedman.pvalue), ""
    freedom = methods - 1
    rest = sets * freedom - chi_square
    agreed = rest <= 1e-9 * chi_square
    f = math.inf if agreed else (sets - 1) * chi_square / rest
    return Ranking(
        scores=larger_is_better,
        average_ranks=average_ranks,
        chi_square=chi_square,
        p_value=p_value,
        f=f,
        f_p_value=float(stats.f.sf(f, freedom, freedom * (sets - 1))),
        left_out=len(known) - sets,
        note="all data sets rank the methods alike" if agreed else note,
    )


def nemenyi(ranking: Ranking, *, level: float = DEFAULT_LEVEL) -> Groups:
    """Return Nemenyi's test of all pairs (Demsar 2006, section 3.2.2).

    Parameters
    ----------
    ranking : Ranking
    level : float
    """
    sets, methods = ranking.scores.shape
    error = math.sqrt(methods * (methods + 1) / (12 * sets))
    apart = np.abs(ranking.average_ranks[:, None] - ranking.average_ranks)
    p_values = np.clip(stats.studentized_range.sf(apart / error, methods, np.inf), 0, 1)
    np.fill_diagonal(p_values, 1.0)
    critical = float(stats.studentized_range.ppf(level, methods, np.inf)) * error
    return Groups("Nemenyi test", p_values, critical, _cliques(ranking, p_values, level), level)


def wilcoxon_holm(ranking: Ranking, *, level: float = DEFAULT_LEVEL) -> Groups:
    """Return Wilcoxon's signed-rank tests of all pairs over the data sets, with Holm's correction.

    Parameters
    ----------
    ranking : Ranking
    level : float
    """
    methods = ranking.scores.shape[1]
    method_pairs = list(itertools.combinations(range(methods), 2))
    corrected = holm(
        [wilcoxon(*_finite(ranking.scores[:, [one, other]])).p_value for one, other in method_pairs]
    )
    p_values = np.ones((methods, methods))
    for (one, other), p_value in zip(method_pairs, corrected, strict=True):
        p_values[one, other] = p_values[other, one] = p_value
    test = "Wilcoxon signed-rank tests with Holm's correction"
    return Groups(test, p_values, math.nan, _cliques(ranking, p_values, level), level)


def _finite(scores: Floats) -> tuple[Floats, Floats]:
    """Return the scores of two methods, shape (data sets, 2), without infinities, for tests of their ranks.

    A difference to an infinite score is larger than every finite one, and as large as others of its kind; two
    scores of the same infinity do not differ.
    """
    one, other = scores.T
    infinite = np.isinf(scores).any(axis=1)
    beyond = 4 * np.abs(scores[~infinite]).max(initial=1.0)
    # The comparison and not the difference, which of two equal infinities is NaN.
    sign = (one > other).astype(np.float64) - (one < other)
    return np.where(infinite, sign * beyond, one), np.where(infinite, 0.0, other)


def _cliques(ranking: Ranking, p_values: Floats, level: float) -> tuple[tuple[int, ...], ...]:
    """Return the longest runs of neighbours in which no pair differs, shorter ones inside them left out."""
    order = np.argsort(ranking.average_ranks, kind="stable")
    alike = p_values[np.ix_(order, order)] > 1 - level
    cliques, reached = [], 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and alike[start : end + 1, start : end + 1].all():
            end += 1
        if end > max(reached, start + 1):
            cliques.append(tuple(order[start:end].tolist()))
        reached = max(reached, end)
    return tuple(cliques)
